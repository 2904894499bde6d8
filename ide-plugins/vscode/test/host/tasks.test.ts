import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { Harness, work, world } from "./harness";
import { until } from "./stage";

describe("tasks and tests", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
  });

  afterEach(() => harness.leave());

  it("runs tasks in a terminal, with their exit code and problems of local files", async () => {
    const file = join(work, "main.go");
    const test = join(work, "shop", "cart_test.go");
    mkdirSync(join(work, "shop"), { recursive: true });
    writeFileSync(test, "package shop\n\n\n");
    harness.user.afterwards(() => rmSync(join(work, "shop"), { recursive: true, force: true }));
    const output = [
      `${file}:3:6: undefined: x`,
      "--- FAIL: TestCart (0.00s)",
      `    ${test}:2: want 1`,
      `  File "${join(work, "app.py")}", line 2, in total`,
      "    return a / b",
      "           ~~^~~",
      "ZeroDivisionError: division by zero",
      "",
    ].join("\n");
    await harness.play(world({ programs: { build: { output, code: 3, waits: true } } }));
    const tasks = await vscode.tasks.fetchTasks({ type: "nhctl" });
    assert.deepEqual(
      tasks.map(({ name }) => name),
      ["build web", "run web", "test web"],
    );
    const [build] = tasks;
    assert.ok(build);
    let code: number | undefined;
    const watching = vscode.tasks.onDidEndTaskProcess(({ exitCode }) => (code = exitCode));
    harness.user.afterwards(() => void watching.dispose());
    await vscode.tasks.executeTask(build);
    const problems = (): string[] =>
      vscode.languages
        .getDiagnostics()
        .flatMap(([{ path }, list]) =>
          list.map(({ message, range }) => `${path.slice(work.length + 1)}:${range.start.line + 1}: ${message}`),
        )
        .sort();
    const want = [
      "app.py:2: ZeroDivisionError: division by zero",
      "main.go:3: undefined: x",
      "shop/cart_test.go:2: want 1",
    ];
    // VS Code shows those of a file when the next file has some, or at the end.
    await until(() => problems().length >= want.length - 1, "the problems of all files but the last are shown");
    harness.stage.endPrograms();
    await until(() => code === 3, "the task has ended with its exit code");
    await until(() => problems().length >= want.length, "all problems are shown");
    assert.deepEqual(problems(), want);
    assert.deepEqual(harness.stage.programs(), ["dev build deployment/web --local-paths"]);
  });

  it("runs and debugs the test at the cursor", async () => {
    const path = join(work, "cart_test.go");
    writeFileSync(path, "package main\n\nfunc TestCart(t *testing.T) {\n}\n");
    harness.user.afterwards(() => rmSync(path, { force: true }));
    await harness.play(
      world({
        calls: { "dev.tests": [{ result: [{ name: "TestCart", line: 3, end: 4 }] }] },
        programs: { test: { output: "    cart_test.go:4: want 1\n--- FAIL: TestCart\n", code: 1 } },
      }),
    );
    const document = await vscode.workspace.openTextDocument(path);
    const at = new vscode.Position(3, 0);
    await vscode.window.showTextDocument(document, { selection: new vscode.Range(at, at) });
    await until(() => harness.stage.requests("dev.tests").length > 0);
    assert.equal(harness.stage.requests("dev.tests")[0]?.params["text"], document.getText());
    await vscode.commands.executeCommand("testing.runAtCursor");
    await until(() => harness.stage.programs().length > 0);
    assert.deepEqual(harness.stage.programs(), [`dev test --at ${path}:3 --tty=false --local-paths`]);
    await vscode.commands.executeCommand("testing.debugAtCursor");
    const launch = await until(() => harness.stage.adapters().find(({ command }) => command === "launch"));
    const { test, start, folder } = launch.arguments;
    assert.deepEqual({ test, start, folder }, { test: `${path}:3`, start: true, folder: work });
  });
});
