import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { Harness, web, work, world } from "./harness";
import { until } from "./stage";

/** A Node program that its debugger can be attached to, for two minutes at most. */
async function inspected(): Promise<{ program: ChildProcess; port: number }> {
  const node = process.env["NHCTL_NODE"] ?? process.execPath;
  const program = spawn(node, ["--inspect=127.0.0.1:0", "-e", "setTimeout(() => {}, 120_000)"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  program.stderr.on("data", (data: Buffer) => (said += data.toString()));
  const port = await until(() => /ws:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1], "a debugger listens");
  return { program, port: Number(port) };
}

describe("debugging", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
  });

  afterEach(() => harness.leave());

  it("debugs through nhctl dap, and hands Node over", async () => {
    await harness.play(world());
    const { program, port } = await inspected();
    harness.user.afterwards(() => program.kill());
    const handover = { type: "node", request: "attach", name: "handed over", address: "127.0.0.1", port };
    const started: string[] = [];
    const watching = vscode.debug.onDidStartDebugSession(({ name }) => started.push(name));
    await vscode.debug.startDebugging(vscode.workspace.workspaceFolders?.[0], {
      type: "nhctl",
      request: "launch",
      name: "web",
      workload: web,
      handover,
    });
    await until(() => started.includes("handed over"));
    watching.dispose();
    const launch = harness.stage.adapters().find(({ command }) => command === "launch");
    assert.deepEqual([launch?.arguments["workload"], launch?.arguments["folder"]], [web, work]);
    await vscode.debug.stopDebugging();
  });

  it("debugs without launch.json by F5, and writes none", async () => {
    await harness.play(world());
    const document = await vscode.workspace.openTextDocument(join(work, "main.go"));
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand("workbench.action.debug.start");
    const launch = await until(() => harness.stage.adapters().find(({ command }) => command === "launch"));
    const { workload, folder, start } = launch.arguments;
    assert.deepEqual({ workload, folder, start }, { workload: web, folder: work, start: true });
    await until(() => vscode.debug.activeDebugSession === undefined);
    assert.ok(!existsSync(join(work, ".vscode")));
  });

  it("starts several services together, and Nocalhost's configuration as it is written", async () => {
    await harness.play(world());
    const file = join(work, ".vscode", "launch.json");
    const common = { type: "nhctl", request: "launch" };
    const text = JSON.stringify({
      configurations: [
        { ...common, name: "web", workload: web },
        { ...common, name: "api", workload: "deployment/api" },
        { type: "nocalhost", request: "attach", name: "old" },
      ],
      compounds: [{ name: "both", configurations: ["web", "api"], stopAll: true }],
    });
    mkdirSync(join(work, ".vscode"), { recursive: true });
    writeFileSync(file, text);
    harness.user.afterwards(() => rmSync(join(work, ".vscode"), { recursive: true, force: true }));
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    await until(() => vscode.workspace.getConfiguration("launch", folder?.uri).get<unknown[]>("compounds")?.length);
    const launched = (): unknown[] =>
      harness.stage
        .adapters()
        .filter(({ command }) => command === "launch")
        .map((one) => one.arguments["workload"])
        .sort();
    await vscode.debug.startDebugging(folder, "both");
    await until(() => launched().length === 2);
    assert.deepEqual(launched(), ["deployment/api", web]);
    await vscode.debug.startDebugging(folder, "old");
    await until(() => launched().length === 3);
    assert.deepEqual(launched()[2], undefined);
    assert.equal(readFileSync(file, "utf8"), text);
  });
});
