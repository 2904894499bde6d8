import assert from "node:assert/strict";
import * as vscode from "vscode";
import type * as rpc from "../../src/rpc";
import { session, workload } from "../unit/samples";
import { Harness, shop, text, web, world } from "./harness";
import { key, type Scenario } from "./scenario";
import { until } from "./stage";

const overview = key("overview");

const meshed = session({
  id: "r1",
  kind: "route",
  workload: "",
  namespace: "shop",
  context: "dev",
  route: {
    service: "web",
    ports: [{ port: 80, target: 8080, local: "localhost:3000" }],
    matches: [{ of: "mark", name: "x-nhctl", value: "ada" }],
    matched: 0,
    passed: 0,
    failedOpen: 0,
    errors: 0,
    open: 0,
  },
});

/** A workload with a Service of two ports. */
function traffic(more: Partial<Scenario> = {}): Scenario {
  const service = { name: "web", ports: [{ port: 80, name: "http", target: "8080" }, { port: 81 }] };
  return world({
    ...more,
    topics: {
      [key("workloads", ...shop)]: { items: { [web]: workload({ services: [service as rpc.Service] }) } },
      ...more.topics,
    },
  });
}

describe("traffic", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
  });

  afterEach(() => harness.leave());

  const shown = (): string[] =>
    harness.api.traffic.getChildren().map((entry) => {
      const item = harness.api.traffic.getTreeItem(entry);
      return `${text(item.label)}: ${String(item.description)}`;
    });

  it("meshes a Service from the tree, shows the route, and copies its curl line", async () => {
    await harness.play(
      traffic({ calls: { "route.begin": [{ result: meshed }] }, topics: { [overview]: { items: { r1: meshed } } } }),
    );
    const node = (await harness.open("dev", "shop", "Deployments", "web")).find(({ kind }) => kind === "service");
    harness.user.pick("80");
    harness.user.write("3000");
    const said = harness.user.press("showInformationMessage", "Copy curl Command");
    await vscode.commands.executeCommand("nhctl.mesh", node);
    const [{ params } = { params: {} }] = harness.stage.requests("route.begin");
    const { caller, ...rest } = params as unknown as rpc.BeginRoute;
    assert.deepEqual([caller.context, caller.namespace], ["dev", "shop"]);
    const ports = [{ port: "80", local: "3000" }];
    assert.deepEqual(rest, { service: "web", ports, mesh: true, hold: 2_000_000_000 });
    assert.deepEqual(said, ["Mesh of web: Requests with your own header come here."]);
    await until(() => harness.api.traffic.view.visible, "the view of the traffic is open");
    await until(() => shown()[0] === "web: mesh · 0 here, 0 passed");
    await vscode.env.clipboard.writeText("");
    await vscode.commands.executeCommand("nhctl.copyCurl", harness.api.traffic.getChildren()[0]);
    assert.equal(await vscode.env.clipboard.readText(), "curl -H 'x-nhctl: ada' http://web.shop:80/");
  });

  it("counts requests as they come, and leaves", async () => {
    await harness.play(
      traffic({
        calls: { "route.leave": [{ result: { sessions: [] } }] },
        topics: { [overview]: { items: { r1: meshed } } },
      }),
    );
    await vscode.commands.executeCommand("nhctl.traffic.focus");
    await until(() => shown().length === 1);
    let drawn = 0;
    const watching = harness.api.traffic.onDidChangeTreeData(() => drawn++);
    const { route } = meshed;
    const last = [{ time: "2026-12-01T09:14:00Z", method: "GET", path: "/books", status: 200 }];
    const now: rpc.Session = { ...meshed, ...(route && { route: { ...route, matched: 1, last } }) };
    await harness.stage.tell({ do: "push", topic: overview, update: { overview: { r1: now } } });
    await until(() => drawn > 0 && shown()[0] === "web: mesh · 1 here, 0 passed");
    watching.dispose();
    const [entry] = harness.api.traffic.getChildren();
    const labels = harness.api.traffic
      .getChildren(entry)
      .map((one) => text(harness.api.traffic.getTreeItem(one).label));
    assert.deepEqual(labels, ["80", "GET /books"]);
    await vscode.commands.executeCommand("nhctl.leave", entry);
    assert.equal(harness.stage.requests("route.leave")[0]?.params["session"], "r1");
  });

  it("asks no far end while no one looks", async () => {
    await harness.play(traffic({ topics: { [overview]: { items: {} } } }));
    await harness.look();
    await vscode.commands.executeCommand("workbench.view.explorer");
    await until(() => !harness.api.traffic.view.visible, "the view is closed");
    harness.stage.clear();
    await vscode.commands.executeCommand("nhctl.restart");
    await harness.ready();
    await until(() => harness.stage.requests("subscribe").length > 0);
    const topics = harness.stage.requests("subscribe").map(({ params }) => params["topic"]);
    assert.ok(!topics.includes("overview"), String(topics));
    await harness.look();
  });

  it("debugs a launch configuration of this computer as a workload, with its traffic", async () => {
    await harness.play(traffic());
    const node = (await harness.open("dev", "shop", "Deployments")).find(
      (one) => text(harness.api.tree.getTreeItem(one).label) === "web",
    );
    const launch = { type: "node", request: "launch", name: "Run main.js", program: "${workspaceFolder}/main.js" };
    await vscode.workspace
      .getConfiguration("launch")
      .update("configurations", [launch, { ...launch, request: "attach" }], vscode.ConfigurationTarget.Workspace);
    const lists = harness.user.pick("Exchange", "80");
    harness.user.write("3000");
    const started: (string | vscode.DebugConfiguration)[] = [];
    const debug = vscode.debug as { startDebugging: typeof vscode.debug.startDebugging };
    const real = debug.startDebugging;
    harness.user.afterwards(() => (debug.startDebugging = real));
    debug.startDebugging = async (_, configuration) => {
      started.push(configuration);
      return Promise.resolve(true);
    };
    await vscode.commands.executeCommand("nhctl.debugHere", node);
    await vscode.workspace
      .getConfiguration("launch")
      .update("configurations", undefined, vscode.ConfigurationTarget.Workspace);
    assert.deepEqual(lists[0], ["Mesh of web", "Exchange of web", "No traffic"]);
    const [configuration] = started as vscode.DebugConfiguration[];
    assert.match(String(configuration?.["runtimeExecutable"]), /nhctl$/);
    const args = "run --context dev --namespace shop --workload deployment/web --exchange web:80:3000 -- node";
    assert.equal((configuration?.["runtimeArgs"] as string[]).join(" "), args);
    assert.equal(configuration?.["program"], launch.program);
  });
});
