import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Around, enter, eventually, inSync, leave, openNamespace, syncs } from "./around";

const workload = "it";

/** Days without an nhctl that works: each is told on the screen, with what to do, which then helps. */
export async function badProgram(around: Around): Promise<void> {
  const { screen, hands, plan, step } = around;
  const program = join(plan.home, "bin", "nhctl");
  const put = (script: string): void => {
    writeFileSync(program, `#!/bin/sh\n${script}\n`);
    chmodSync(program, 0o755);
  };
  mkdirSync(join(plan.home, "bin"), { recursive: true });

  await step("nhctl is missing", async () => {
    await hands.look();
    await screen.welcome("nhctl is not installed on this computer").waitFor();
    await screen.picture("missing");
  });
  await step("nhctl is too old", async () => {
    put('echo "unknown command: $1" >&2; exit 2');
    await hands.command("nhctl: Start nhctl Again");
    await screen.welcome("too old for the extension").waitFor();
  });
  await step("nhctl crashes again and again", async () => {
    put("echo 'panic: a broken build' >&2; exit 1");
    await hands.command("nhctl: Start nhctl Again");
    await screen.welcome("ends again and again").waitFor();
    await hands.command("nhctl: Show nhctl's Log");
    await screen.page.locator(".output-view", { hasText: "panic: a broken build" }).waitFor();
    await screen.picture("crashing");
  });
  await step("nhctl is there", async () => {
    copyFileSync(plan.nhctl, program);
    await hands.command("nhctl: Start nhctl Again");
    await openNamespace(around);
    await screen.rowSays(workload, "1 replica");
  });
}

/** A day on which the cluster is away for a while, and on which the credentials expire. */
export async function badCluster(around: Around): Promise<void> {
  const { screen, backstage, step } = around;
  await step("the cluster is away: the status bar says so, and dev mode stays", async () => {
    await openNamespace(around);
    await enter(around, workload);
    await backstage.ask("away");
    await screen.status(/connecting|not connected/).waitFor();
    await screen.picture("away");
  });
  await step("it is back: what was saved in the meantime arrives", async () => {
    await backstage.ask("save", "saved while the cluster was away");
    await backstage.ask("back");
    await syncs(screen, workload);
    await eventually("saved while the cluster was away", () => backstage.ask("saved"));
  });
  await step("the credentials have expired: the tree says what to do", async () => {
    await backstage.ask("expired");
    await screen.row("Sign in").waitFor();
    await screen.picture("expired");
  });
  await step("they are good again, and dev mode goes on", async () => {
    await backstage.ask("renewed");
    await screen.row("Sign in").waitFor({ state: "hidden" });
    await inSync(screen, workload);
    await leave(around, workload);
  });
}
