import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Around, openNamespace } from "./around";

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
