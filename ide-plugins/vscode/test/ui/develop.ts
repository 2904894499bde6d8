import assert from "node:assert/strict";
import { type Around, enter, eventually, inSync, leave, openNamespace, syncs } from "./around";

/** A service that a person develops. */
export interface Program {
  workload: string;
  /** The program stops in this file, at this line, when its Service is asked; there a variable has a value. */
  file: string;
  line: number;
  variable: string;
  value: string;
  /** Another text of a line of that file, from its first letter on, with which the Service gives another answer. */
  edit: { line: number; text: string };
  answers: { before: string; after: string };
  /** Is chosen where the editor asks which debugger to take, as it has one of its own for the language. */
  debugger?: string;
  /** What the debug console says when the program that was built again is debugged; the editor's own says nothing. */
  joined?: string;
  /** A file with a test that passes; the cursor is put into a line of it, at which it stops when it is debugged. */
  test?: { file: string; line: number };
}

/** From the hammer to the end: a service is edited, debugged and tested in the cluster. */
export async function develop(around: Around): Promise<void> {
  const { screen, hands, step } = around;
  const program = programOf(around);
  await step("the hammer starts dev mode, and the sources are in sync", async () => {
    await openNamespace(around);
    await screen.rowSays(program.workload, "1 replica");
    await screen.picture("tree");
    await enter(around, program.workload);
    await screen.picture("in-sync");
  });
  await debugged(around, program);
  await step("a terminal of the container", async () => {
    await hands.command("nhctl: Open Terminal");
    await hands.prompt();
    await hands.type("echo $((40 + 2)) in $PWD");
    await screen.terminal("42 in /").waitFor();
    await screen.picture("terminal");
  });
  await step("the window is loaded again: dev mode goes on, with its terminal", async () => {
    await hands.reload();
    await syncs(screen, program.workload);
    await screen.terminal("42 in /").waitFor();
    await openNamespace(around);
    await inSync(screen, program.workload);
  });
  if (program.test) {
    await tested(around, program.test);
  }
  await step("the red hammer ends it", () => leave(around, program.workload));
}

async function debugged(around: Around, program: Program): Promise<void> {
  const { screen, hands, backstage, step } = around;
  await step("F5 stops at a breakpoint in the cluster, with its variables", async () => {
    await hands.open(program.file);
    await hands.breakpoint(program.line);
    await hands.debug();
    if (program.debugger) {
      await hands.pick(program.debugger);
    }
    await screen.runs();
    const { answer } = program.debugger ? await asksUntilItStops(around) : { answer: backstage.ask("get") };
    await screen.stopsAt(program.file, program.line);
    await hands.locals();
    await screen.variable(program.variable, program.value).waitFor();
    await screen.picture("debugging");
    await hands.goOn();
    assert.ok((await answer).includes(program.answers.before));
  });
  await step("a save reaches the Service, and the same debug session stops in the new program", async () => {
    await hands.rewrite(program.edit.line, program.edit.text);
    let answer: Promise<string>;
    if (program.joined) {
      await screen.console(program.joined).waitFor();
      answer = backstage.ask("get");
    } else {
      await eventually("1", () => backstage.ask("reloads"));
      ({ answer } = await asksUntilItStops(around));
    }
    await screen.stopsAt(program.file, program.line);
    await hands.goOn();
    assert.ok((await answer).includes(program.answers.after));
  });
  await step("the debug session ends, dev mode does not", async () => {
    await hands.command("Remove All Breakpoints");
    await hands.stopDebugging();
    await screen.debugging.waitFor({ state: "hidden" });
    await syncs(screen, program.workload);
  });
}

/** Asks the Service until the program stops: the editor's own debugger runs a moment before it has its breakpoints. */
export async function asksUntilItStops({ screen, backstage }: Around): Promise<{ answer: Promise<string> }> {
  const stands = screen.stands.waitFor().then(() => true);
  for (;;) {
    const answer = backstage.ask("get");
    if (await Promise.race([stands, answer.then(() => false)])) {
      return { answer };
    }
  }
}

async function tested(around: Around, test: NonNullable<Program["test"]>): Promise<void> {
  const { screen, hands, step } = around;
  await step("the test at the cursor passes in the container", async () => {
    await hands.open(test.file);
    await screen.test.waitFor();
    await hands.goTo(test.line);
    await hands.command("Test: Run Test at Cursor");
    await screen.passed.waitFor();
    await screen.picture("test");
  });
  await step("the test at the cursor is debugged there", async () => {
    await hands.breakpoint(test.line);
    await hands.goTo(test.line);
    await hands.command("Test: Debug Test at Cursor");
    await screen.stopsAt(test.file, test.line);
    await hands.goOn();
    await screen.debugging.waitFor({ state: "hidden" });
  });
}

/** The same by keyboard alone. */
export async function keyboard(around: Around): Promise<void> {
  const { screen, hands, backstage, step } = around;
  const program = programOf(around);
  await step("dev mode starts", async () => {
    await hands.command("nhctl: Start Dev Mode");
    await syncs(screen, program.workload);
  });
  await step("F9 and F5 stop at a breakpoint", async () => {
    await hands.open(program.file);
    await hands.goTo(program.line);
    await screen.page.keyboard.press("F9");
    await screen.breakpoint.waitFor();
    await screen.page.keyboard.press("F5");
    await screen.runs();
    const answer = backstage.ask("get");
    await screen.stopsAt(program.file, program.line);
    await screen.page.keyboard.press("F5");
    assert.ok((await answer).includes(program.answers.before));
    await screen.page.keyboard.press("Shift+F5");
    await screen.debugging.waitFor({ state: "hidden" });
  });
  await step("a terminal", async () => {
    await hands.command("nhctl: Open Terminal");
    await hands.prompt();
    await hands.type("echo $((40 + 2)) in $PWD");
    await screen.terminal("42 in /").waitFor();
  });
  await step("dev mode ends", async () => {
    await hands.command("nhctl: End Dev Mode");
    await screen.status("").waitFor({ state: "hidden" });
  });
}

export function programOf({ plan }: Around): Program {
  assert.ok(plan.program);
  return plan.program;
}
