import { type Around, inSync, leave, openNamespace } from "./around";

const workload = "it";

/** A colleague has the workload, hands it over, and takes it back. */
export async function colleague(around: Around): Promise<void> {
  const { screen, hands, backstage, step } = around;
  const name = await backstage.ask("name");
  await step("a colleague's session is grey, with their name", async () => {
    await openNamespace(around);
    await screen.rowSays(workload, "1 replica");
    await backstage.ask("colleague", "dev", "start", "--no-terminal");
    await screen.rowSays(workload, `${name}@`);
    await screen.row(workload).locator(".codicon-lock").waitFor();
    await screen.picture("colleague");
  });
  await step("it is asked for, and handed over", async () => {
    await hands.choose(workload, "Wait or Take Over");
    await screen.dialog(`${name}@`).waitFor();
    await screen.picture("held");
    await hands.press("End that session");
    await inSync(screen, workload);
  });
  await step("the colleague takes it back, and this window says so", async () => {
    await backstage.ask("colleague", "dev", "start", "--no-terminal", "--take-over");
    await screen.rowSays(workload, `${name}@`);
    await screen.notified(new RegExp(`${name}@`));
    await screen.status("").waitFor({ state: "hidden" });
  });
  await step("the colleague ends it, and it is free", async () => {
    await backstage.ask("colleague", "dev", "end");
    await screen.rowSays(workload, "1 replica");
  });
  await step("it is one's own again", async () => {
    await hands.hammer(workload);
    await inSync(screen, workload);
    await leave(around, workload);
  });
}
