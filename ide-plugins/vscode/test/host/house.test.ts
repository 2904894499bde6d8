import assert from "node:assert/strict";
import { join } from "node:path";
import * as vscode from "vscode";
import { Harness, root, web, work, world } from "./harness";
import { until } from "./stage";

describe("what is around dev mode", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
  });

  afterEach(() => harness.leave());

  it("asks before a link starts anything, and starts what it has named", async () => {
    await harness.play(world({ calls: { "dev.start": [{ recorded: true }] } }));
    const follow = async (query: string): Promise<void> =>
      harness.api.links.handleUri(
        vscode.Uri.from({ scheme: "vscode", authority: "nhctl.nhctl", path: "/start", query }),
      );
    const shown: [string, { modal?: boolean; detail?: string }][] = [];
    const answers = [undefined, "Start Dev Mode"];
    harness.user.stub("showWarningMessage", (message: string, options: { modal?: boolean; detail?: string }) => {
      shown.push([message, options]);
      return Promise.resolve(answers.shift());
    });
    const errors = harness.user.press("showErrorMessage");
    const link = "workload=deployment/web&context=dev&namespace=bank&image=evil:1";
    await follow(link);
    assert.deepEqual(harness.stage.requests("dev.start"), [], "nothing starts by itself");
    await follow(link);
    assert.deepEqual(harness.stage.requests("dev.start")[0]?.params, {
      caller: { dir: work, context: "dev", namespace: "bank" },
      workload: web,
    });
    const [[message, options] = ["", {}]] = shown;
    assert.deepEqual([message, options.modal], ["A link asks to start dev mode of deployment/web.", true]);
    for (const line of ["Namespace: bank", "Context: dev", "Cluster: https://dev", `Folder: ${work}`]) {
      assert.ok(options.detail?.split("\n").includes(line), line);
    }
    await follow("workload=--all");
    await follow("workload=web&context=nowhere");
    assert.deepEqual(errors, [
      "This link names no workload that nhctl could start.",
      "Your kubeconfig has no context nowhere.",
    ]);
    assert.equal(harness.stage.requests("dev.start").length, 1);
  });

  it("writes, imports and checks through nhctl's own commands", async () => {
    await harness.play(world());
    const target = { workload: web, place: { context: "dev", namespace: "shop" }, folder: work };
    await vscode.commands.executeCommand("nhctl.init", target);
    assert.equal(vscode.window.activeTextEditor?.document.uri.fsPath, join(work, ".dev", "config.yaml"));
    await vscode.commands.executeCommand("nhctl.doctor", target);
    harness.user.stub("showSaveDialog", () => Promise.resolve(vscode.Uri.file(join(root, "bundle.zip"))));
    await vscode.commands.executeCommand("nhctl.support");
    harness.user.stub("showQuickPick", (items: readonly vscode.QuickPickItem[]) => Promise.resolve(items[0]));
    harness.user.press("showWarningMessage", "Replace It");
    await vscode.commands.executeCommand("nhctl.import");
    const run = harness.stage.commands().filter((line) => !/^(version|ide|config show|lsp)\b/.test(line));
    assert.deepEqual(run, [
      `config init deployment/web --context dev --namespace shop --dir ${work}`,
      "doctor --context dev --namespace shop",
      `support --file ${join(root, "bundle.zip")}`,
      "config import",
      "config import --yes",
    ]);
  });

  it("serves configs through nhctl lsp", async () => {
    const document = await vscode.workspace.openTextDocument(join(work, ".dev", "config.yaml"));
    await vscode.window.showTextDocument(document);
    let labels: string[] = [];
    await until(() => {
      void Promise.resolve(
        vscode.commands.executeCommand<vscode.CompletionList>(
          "vscode.executeCompletionItemProvider",
          document.uri,
          new vscode.Position(0, 0),
        ),
      ).then(({ items }) => (labels = items.map(({ label }) => (typeof label === "string" ? label : label.label))));
      return labels.includes("serviceType");
    });
  });
});
