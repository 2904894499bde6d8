import { type Around, enter, eventually, leave, openNamespace } from "./around";

const workload = "it";
const file = "hello.txt";

/** Both sides have changed a file: the two contents are compared, and one is chosen. */
export async function conflict(around: Around): Promise<void> {
  const { screen, hands, backstage, step } = around;
  await step("a conflict is in the status bar", async () => {
    await openNamespace(around);
    await enter(around, workload);
    await backstage.ask("conflict");
    await screen.status(/1 conflict/).waitFor();
  });
  await step("the status bar leads to both contents, side by side", async () => {
    await screen.status(/1 conflict/).click();
    await hands.pick("Conflicts (1)");
    await screen.compares("theirs", "mine");
    await screen.picture("conflict");
  });
  await step("theirs is kept: it is here, too, and nothing is left to decide", async () => {
    await hands.title("Keep Theirs");
    await screen.status(/in sync|\d+ ms/).waitFor();
    await eventually("here theirs, there theirs", () => backstage.ask("contents"));
    await screen.tab("theirs").waitFor({ state: "hidden" });
    await hands.open(file);
    await screen.page.locator(".editor-instance .view-line", { hasText: "theirs" }).waitFor();
  });
  await step("the red hammer ends it", () => leave(around, workload));
}
