import assert from "node:assert/strict";
import { type Around, eventually, openNamespace } from "./around";
import { asksUntilItStops, programOf } from "./develop";

/** A service is debugged on this computer: it calls the cluster, and the cluster calls it. */
export async function here(around: Around): Promise<void> {
  const { screen, hands, backstage, step } = around;
  const { workload, file, line, variable, value, answers } = programOf(around);
  await step("the launch configuration of this computer starts as the workload", async () => {
    await openNamespace(around);
    await hands.choose(workload, "Debug Here");
    await hands.pick(`Exchange of ${workload}`);
    await hands.answer("Where your process listens", await backstage.ask("port"));
    await screen.runs();
    await hands.open(file);
    await hands.breakpoint(line);
  });
  await step("a request to the Service stops in it, with what other Services have answered", async () => {
    await eventually("exchanged", () => backstage.ask("routes"));
    const { answer } = await asksUntilItStops(around);
    await screen.stopsAt(file, line);
    await hands.locals();
    await screen.variable(variable, value).waitFor();
    await screen.picture("debug-here");
    await hands.goOn();
    assert.ok((await answer).includes(answers.before));
  });
  await step("its end is the end of the exchange: the originals answer", async () => {
    await hands.command("Remove All Breakpoints");
    await hands.stopDebugging();
    await screen.debugging.waitFor({ state: "hidden" });
    await eventually("none", () => backstage.ask("routes"));
    assert.ok((await backstage.ask("get")).includes(answers.before));
  });
}
