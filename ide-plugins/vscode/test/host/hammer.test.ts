import assert from "node:assert/strict";
import { join } from "node:path";
import * as vscode from "vscode";
import type * as rpc from "../../src/rpc";
import { session, workload } from "../unit/samples";
import { Harness, root, shop, web, work, world } from "./harness";
import { key } from "./scenario";
import { until } from "./stage";

describe("the hammer", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
  });

  afterEach(() => harness.leave());

  it("starts dev mode with the steps of nhctl, for the folder", async () => {
    await harness.play(world({ calls: { "dev.start": [{ recorded: true }] } }));
    const reported: string[] = [];
    const real = vscode.window.withProgress;
    harness.user.stub("withProgress", (options: vscode.ProgressOptions, task: Parameters<typeof real>[1]) =>
      real(options, (progress, token) =>
        task(
          {
            report: (value) => {
              reported.push(value.message ?? "");
              progress.report(value);
            },
          },
          token,
        ),
      ),
    );
    const [, node] = await harness.open("dev", "shop", "Deployments");
    await vscode.commands.executeCommand("nhctl.start", node);
    assert.deepEqual(reported.slice(0, 3), ["lock the workload", "ask the cluster's policies", "create the twin"]);
    const [{ params } = { params: {} }] = harness.stage.requests("dev.start");
    assert.deepEqual(params, { caller: { dir: work, context: "dev", namespace: "shop" }, workload: web });
  });

  it("asks what nhctl asks, and repeats the call with the answer", async () => {
    const held: rpc.Error = {
      code: "held",
      message: "bob@desk has deployment/web in dev mode",
      question: {
        id: "held s1",
        text: "bob@desk has deployment/web in dev mode. How do you want to go on?",
        choices: [
          { id: "wait", title: "wait until that session is over" },
          { id: "take-over", title: "end that session; its files are kept" },
        ],
      },
      remedies: [{ title: "work on a copy", params: { mode: "duplicate" } }],
    };
    await harness.play(world({ calls: { "dev.start": [{ error: held }, { error: held }, { recorded: true }] } }));
    const said = harness.user.press("showWarningMessage", "End that session; its files are kept", "Work on a copy");
    await vscode.commands.executeCommand("nhctl.start", { workload: web, folder: work });
    assert.equal(said.length, 2);
    assert.deepEqual(
      harness.stage.requests("dev.start").map(({ params }) => [params["answers"], params["mode"]]),
      [
        [undefined, undefined],
        [{ "held s1": "take-over" }, undefined],
        [{ "held s1": "take-over" }, "duplicate"],
      ],
    );
  });

  it("shows a failure once, with its remedies as buttons", async () => {
    const error: rpc.Error = {
      code: "port-taken",
      message: "port 8080 of this computer is in use",
      hint: "choose another one",
      remedies: [
        { title: "take a free local port", method: "dev.forward", params: { open: [{ local: 0, remote: 8080 }] } },
      ],
    };
    await harness.play(world({ calls: { "dev.start": [{ error }] } }));
    const said = harness.user.press("showErrorMessage", "Take a free local port");
    await vscode.commands.executeCommand("nhctl.start", { workload: web, folder: work });
    assert.deepEqual(said, ["Port 8080 of this computer is in use. Choose another one."]);
    assert.deepEqual(harness.stage.requests("dev.forward")[0]?.params["open"], [{ local: 0, remote: 8080 }]);
  });

  it("runs the command of a remedy, and tries again once it has ended well", async () => {
    const remedy = (program: string): rpc.Error => ({
      code: "unauthorized",
      message: "the token has expired",
      remedies: [{ title: "sign in", command: [program] }],
    });
    const replies = [{ error: remedy("true") }, { error: remedy("false") }, { recorded: true }];
    await harness.play(world({ calls: { "dev.start": replies } }));
    harness.user.press("showErrorMessage", "Sign in", "Sign in");
    await vscode.commands.executeCommand("nhctl.start", { workload: web, folder: work });
    assert.equal(harness.stage.requests("dev.start").length, 2, "the second command has failed");
  });

  it("offers to open the sources of a started workload that are elsewhere", async () => {
    const away = session({ folder: join(root, "elsewhere") });
    await harness.play(world({ calls: { "dev.start": [{ result: session({ folder: work }) }, { result: away }] } }));
    const said = harness.user.press("showInformationMessage");
    await vscode.commands.executeCommand("nhctl.start", { workload: web, folder: work });
    await vscode.commands.executeCommand("nhctl.start", { workload: web, folder: away.folder });
    assert.deepEqual(said, [`The sources of web are in ${away.folder}.`], "those that are open are not offered");
  });

  it("cancels a start, and waits until it is undone", async () => {
    await harness.play(
      world({
        calls: {
          "dev.start": [
            { hangs: true, events: [{ type: "step", step: { name: "create the twin", state: "started" } }] },
          ],
        },
      }),
    );
    const source = new vscode.CancellationTokenSource();
    harness.user.stub(
      "withProgress",
      (_: vscode.ProgressOptions, task: (progress: object, token: vscode.CancellationToken) => Promise<unknown>) =>
        task({ report: () => {} }, source.token),
    );
    const shown = harness.user.press("showErrorMessage");
    let over = false;
    const start = Promise.resolve(vscode.commands.executeCommand("nhctl.start", { workload: web, folder: work })).then(
      () => (over = true),
    );
    await until(() => harness.stage.requests("dev.start").length > 0);
    source.cancel();
    await until(() => harness.stage.requests("$/cancelRequest").length > 0);
    assert.equal(over, false);
    await harness.stage.tell({ do: "undone" });
    await start;
    assert.deepEqual(shown, [], "who cancels has no failure to read");
  });

  it("copies who has a workload, to ask them", async () => {
    const held: rpc.WorkloadSession = {
      id: "03825a12",
      mode: "replace",
      phase: "active",
      holder: { user: "bob", local: "bob@desk" },
      since: "2026-11-29T09:14:00Z",
    };
    const items = { [web]: workload({ sessions: [held] }) };
    await harness.play(world({ topics: { [key("workloads", ...shop)]: { items } } }));
    const place = { context: "dev", namespace: "shop" };
    await harness.open("dev", "shop", "Deployments");
    await until(() => harness.api.tree.painter.state({ place, key: web })?.standing === "other");
    const [node] = await harness.open("dev", "shop", "Deployments"); // the only one
    await vscode.commands.executeCommand("nhctl.copyHolder", node);
    assert.equal(await vscode.env.clipboard.readText(), "bob@desk · bob");
  });
});
