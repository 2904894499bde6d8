import assert from "node:assert/strict";
import * as vscode from "vscode";
import { Harness, web, work, world } from "./harness";
import { until } from "./stage";

describe("terminals and logs", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
  });

  afterEach(() => harness.leave());

  it("opens terminals as nhctl dev terminal, and copies their command", async () => {
    await harness.play(world());
    const [, node] = await harness.open("dev", "shop", "Deployments");
    await vscode.commands.executeCommand("nhctl.copyTerminalCommand", node);
    const command = "nhctl dev terminal deployment/web --context dev --namespace shop";
    assert.equal(await vscode.env.clipboard.readText(), command);
    await vscode.commands.executeCommand("nhctl.terminal", node);
    const terminal = await until(() => vscode.window.terminals.find(({ name }) => name === "nhctl: web"));
    const { shellPath, shellArgs } = terminal.creationOptions as vscode.TerminalOptions;
    assert.deepEqual([shellPath, ...(shellArgs as string[])], [harness.stage.program, ...command.split(" ").slice(1)]);
    terminal.dispose();
  });

  it("follows the pods of a workload and the events about it", async () => {
    await harness.play(world({ calls: { "workload.logs": [{ result: {} }] } }));
    await vscode.commands.executeCommand("nhctl.podLogs", { workload: web, context: "dev", namespace: "shop" });
    const [{ params } = { params: {} }] = harness.stage.requests("workload.logs");
    assert.deepEqual(params, {
      caller: { dir: work, context: "dev", namespace: "shop" },
      workload: web,
      follow: true,
      events: true,
      tail: 1_000,
    });
  });
});
