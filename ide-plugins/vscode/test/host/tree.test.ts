import assert from "node:assert/strict";
import * as vscode from "vscode";
import type * as rpc from "../../src/rpc";
import { workload } from "../unit/samples";
import { Harness, shop, web, world } from "./harness";
import { tell } from "./report";
import { key } from "./scenario";
import { until } from "./stage";

const mine = {
  id: "03825a12",
  mode: "replace",
  phase: "active",
  holder: { user: "ada", local: "ada@laptop" },
  mine: true,
  since: "2026-11-29T09:14:00Z",
};

describe("the tree", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
  });

  afterEach(() => harness.leave());

  it("shows contexts, namespaces and workloads, and dials none that is closed", async () => {
    await harness.play(world());
    assert.deepEqual(harness.labels(await harness.open()), ["dev", "prod"]);
    assert.deepEqual(harness.described(await harness.open("dev", "shop", "Deployments")), [
      "api: 1 replica",
      "web: 1 replica",
    ]);
    const dialled = harness.stage.requests("subscribe").map(({ params }) => (params["caller"] as rpc.Caller).context);
    assert.ok(!dialled.includes("prod"));
  });

  it("draws a change of the cluster, and that alone", async () => {
    await harness.play(world());
    await harness.open("dev", "shop", "Deployments");
    const drawn: (string[] | undefined)[] = [];
    const watching = harness.api.tree.onDidChangeTreeData((nodes) => drawn.push(nodes && harness.labels(nodes)));
    const push = (changed: rpc.Workload): Promise<void> =>
      harness.stage.tell({ do: "push", topic: key("workloads", ...shop), update: { workloads: { [web]: changed } } });
    let took = 0;
    for (let replicas = 2; replicas < 10 && !drawn[0]?.includes("web"); replicas++) {
      drawn.length = 0; // what there was to draw at the start
      const began = Date.now();
      await push(workload({ replicas, sessions: [mine] }));
      await until(() => drawn.length > 0);
      took = Date.now() - began;
    }
    watching.dispose();
    assert.deepEqual(drawn, [["web"]]);
    assert.deepEqual(harness.described(await harness.open("dev", "shop", "Deployments")), [
      "api: 1 replica",
      "web: in dev mode",
    ]);
    tell(`   a change was drawn after ${took} ms`);
  });

  it("says where a cluster is out of reach", async () => {
    const fail: rpc.Error = { code: "unauthorized", message: "the token has expired", hint: "sign in again" };
    await harness.play(world({ topics: { [key("namespaces", "prod")]: { fail } } }));
    assert.deepEqual(harness.described(await harness.open("prod")), ["Sign in: the token has expired"]);
  });

  it("groups by config, marks favourites, and finds the folder's workload", async () => {
    await harness.play(world());
    await vscode.workspace
      .getConfiguration("nhctl")
      .update("tree.groupBy", "config", vscode.ConfigurationTarget.Global);
    await until(() => vscode.workspace.getConfiguration("nhctl").get("tree.groupBy") === "config");
    await harness.shows(["catalog", "Other workloads"], "dev", "shop"); // once the folder's config has been read
    const [node] = await harness.open("dev", "shop", "catalog");
    await vscode.commands.executeCommand("nhctl.addFavourite", node);
    assert.deepEqual(harness.labels(await harness.open("Favourites")), ["web"]);
    await vscode.commands.executeCommand("nhctl.removeFavourite", node);
    await vscode.workspace
      .getConfiguration("nhctl")
      .update("tree.groupBy", undefined, vscode.ConfigurationTarget.Global);
    await until(() => vscode.workspace.getConfiguration("nhctl").get("tree.groupBy") !== "config");
    await vscode.commands.executeCommand("nhctl.reveal");
    await until(() => harness.api.tree.view.selection[0]?.kind === "workload");
  });

  it("selects a workload while the tree is drawn again and again", async () => {
    await harness.play(world());
    const drawing = setInterval(() => harness.api.tree.refresh(), 40);
    try {
      for (const key of [web, "deployment/api", web, "deployment/api", web]) {
        assert.ok(await harness.api.tree.reveal({ place: { context: "dev", namespace: "shop" }, key }));
        const selected = (): boolean => {
          const [node] = harness.api.tree.view.selection;
          return node?.kind === "workload" && node.key === key;
        };
        await until(selected, `${key} is selected`, 5_000);
      }
    } finally {
      clearInterval(drawing);
    }
  });

  it("stays quick with 2,000 workloads and 200 changes a second", async () => {
    const many = (from: number, to: number, replicas: number): Record<string, rpc.Workload> =>
      Object.fromEntries(
        Array.from({ length: to - from }, (_, i) => {
          const name = `s${from + i}`;
          return [`deployment/${name}`, workload({ workload: `deployment/${name}`, name, replicas })];
        }),
      );
    await vscode.commands.executeCommand("nhctl.workloads.focus"); // debugging has brought its own view forward
    await harness.play(world({ topics: { [key("workloads", ...shop)]: { items: many(0, 2_000, 1) } } }));
    const began = Date.now();
    // Until the first update of the new nhctl, the tree shows the cluster of before.
    let shown = 0;
    const opening = setInterval(() => {
      void harness.open("dev", "shop", "Deployments").then((list) => (shown = list.length));
    }, 10);
    await until(() => shown === 2_000, "the new cluster is shown").finally(() => clearInterval(opening));
    const opened = Date.now() - began;

    let drawn = 0;
    let longest = 0;
    let last = Date.now();
    const watching = harness.api.tree.onDidChangeTreeData((nodes) => {
      drawn += nodes?.length ?? 2_000;
      last = Date.now();
    });
    await until(() => Date.now() - last > 500, "the list is drawn"); // after its snapshot, too
    drawn = 0;
    let beaten = Date.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, Date.now() - beaten - 10);
      beaten = Date.now();
    }, 10);
    // 5 seconds of 10 updates with 20 workloads each
    const waves = Array.from({ length: 50 }, (_, i) => many(i * 20, i * 20 + 20, i + 2));
    await harness.stage.tell({ do: "flood", topic: key("workloads", ...shop), items: waves, every: 100 });
    const place = { context: "dev", namespace: "shop" };
    const has = (name: string, word: string) => (): boolean =>
      harness.api.tree.painter.state({ place, key: `deployment/${name}` })?.word === word;
    // In the middle of the changes, VS Code draws: it asks how a node looks.
    await until(has("s199", "11 replicas"));
    let looked = 0;
    const look = harness.api.tree.getTreeItem.bind(harness.api.tree);
    harness.api.tree.getTreeItem = (node) => {
      looked++;
      return look(node);
    };
    await until(() => looked > 0, "VS Code draws while changes keep coming", 3_000);
    Reflect.deleteProperty(harness.api.tree, "getTreeItem");
    await until(has("s999", "51 replicas"));
    await until(() => drawn > 0);
    clearInterval(beat);
    watching.dispose();
    tell(
      `   2,000 workloads opened in ${opened} ms; longest block ${longest} ms; ${drawn} nodes drawn for 1,000 changes`,
    );
    assert.ok(drawn <= 1_000, "a change draws its own node, and no other");
  });
});
