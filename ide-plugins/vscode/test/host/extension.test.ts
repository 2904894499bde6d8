import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Api } from "../../src/extension";
import type * as rpc from "../../src/rpc";
import type { Node } from "../../src/tree/node";
import { session, workload } from "../unit/samples";
import { key, type Scenario } from "./scenario";
import { tell } from "./report";
import { Stage, until, usual } from "./stage";

const root = process.env["NHCTL_TEST_ROOT"] ?? "";
const here = join(__dirname, "../..");
const recording = join(here, "../../nhctl/internal/daemon/rpc/rpcschema/recording/testdata/session.jsonl");
const work = join(root, "work", "catalog");
const own = key("sessions", "", "", "all");
const shop = ["dev", "shop"] as const;
const web = "deployment/web";
const mine = {
  id: "03825a12",
  mode: "replace",
  phase: "active",
  holder: { user: "ada", local: "ada@laptop" },
  mine: true,
  since: "2026-11-29T09:14:00Z",
};

function world(more: Partial<Scenario> = {}): Scenario {
  const cluster: rpc.Cluster = {
    context: "dev",
    cluster: "dev",
    server: "https://dev",
    user: "ada",
    namespace: "shop",
    current: true,
  };
  return usual({
    services: [{ name: "web", serviceType: "deployment" }],
    ...more,
    topics: {
      [key("clusters")]: { items: { dev: cluster, prod: { ...cluster, context: "prod", current: false } } },
      [key("namespaces", "dev")]: { items: { shop: { name: "shop", sources: ["cluster"] } } },
      [key("workloads", ...shop)]: {
        items: {
          [web]: workload({ containers: [{ name: "app", image: "web:1" }] }),
          "deployment/api": workload({ workload: "deployment/api", name: "api" }),
        },
      },
      ...more.topics,
    },
  });
}

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

/** Replaces functions of vscode.window while a test runs, as a user who answers would. */
type Window = Pick<
  typeof vscode.window,
  "showWarningMessage" | "showErrorMessage" | "showInformationMessage" | "showQuickPick" | "withProgress"
>;

describe("the extension", () => {
  const stage = new Stage(join(root, "fake"), join(here, "out/host/fake.js"), recording);
  let api: Api;
  const restore: (() => void)[] = [];

  function stub<K extends keyof Window>(name: K, instead: (...args: never[]) => unknown): void {
    const window = vscode.window as unknown as Record<string, unknown>;
    const before = window[name];
    window[name] = instead;
    restore.push(() => (window[name] = before));
  }

  /** Answers a message with the button of that title, and notes what was said. */
  function press(
    name: "showWarningMessage" | "showErrorMessage" | "showInformationMessage",
    ...titles: string[]
  ): string[] {
    const said: string[] = [];
    stub(name, (message: string, ...rest: unknown[]) => {
      said.push(message);
      const title = titles.shift();
      const pressed = rest.find((item) => item === title || (item as { title?: string } | null)?.title === title);
      return Promise.resolve(pressed);
    });
    return said;
  }

  const text = (label: string | vscode.TreeItemLabel | undefined): string =>
    typeof label === "string" ? label : (label?.label ?? "");
  const labels = (nodes: Node[]): string[] => nodes.map((node) => text(api.tree.getTreeItem(node).label));
  const described = (nodes: Node[]): string[] =>
    nodes.map((node) => `${text(api.tree.getTreeItem(node).label)}: ${String(api.tree.getTreeItem(node).description)}`);

  async function open(...path: string[]): Promise<Node[]> {
    let nodes = await api.tree.getChildren();
    for (const label of path) {
      const node = nodes.find((one) => api.tree.getTreeItem(one).label === label);
      assert.ok(node, `${label} is not among ${labels(nodes).join(", ")}`);
      nodes = await api.tree.getChildren(node);
    }
    return nodes;
  }

  const ready = (): Promise<unknown> => until(() => api.connection.state.kind === "ready");

  /** Changes the scenario, and lets nhctl start with it. */
  async function play(scenario: Scenario): Promise<void> {
    stage.set(scenario);
    stage.clear();
    await vscode.commands.executeCommand("nhctl.restart");
    await ready();
  }

  before(async () => {
    stage.set(world());
    const extension = vscode.extensions.getExtension<Api>("nhctl.nhctl");
    assert.ok(extension);
    api = await extension.activate();
    await vscode.commands.executeCommand("nhctl.restart");
    await ready();
    await vscode.commands.executeCommand("nhctl.workloads.focus");
    await until(() => api.tree.view.visible);
  });

  afterEach(() => restore.splice(0).forEach((one) => one()));

  it("shows contexts, namespaces and workloads, and dials none that is closed", async () => {
    await play(world());
    assert.deepEqual(labels(await open()), ["dev", "prod"]);
    assert.deepEqual(described(await open("dev", "shop", "Deployments")), ["api: 1 replica", "web: 1 replica"]);
    const dialled = stage.requests("subscribe").map(({ params }) => (params["caller"] as rpc.Caller).context);
    assert.ok(!dialled.includes("prod"));
  });

  it("draws a change of the cluster, and that alone", async () => {
    await play(world());
    await open("dev", "shop", "Deployments");
    const drawn: (string[] | undefined)[] = [];
    const watching = api.tree.onDidChangeTreeData((nodes) => drawn.push(nodes && labels(nodes)));
    const push = (changed: rpc.Workload): Promise<void> =>
      stage.tell({ do: "push", topic: key("workloads", ...shop), update: { workloads: { [web]: changed } } });
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
    assert.deepEqual(described(await open("dev", "shop", "Deployments")), ["api: 1 replica", "web: in dev mode"]);
    tell(`   a change was drawn after ${took} ms`);
  });

  it("starts dev mode with the steps of nhctl, for the folder", async () => {
    await play(world({ calls: { "dev.start": [{ recorded: true }] } }));
    const reported: string[] = [];
    const real = vscode.window.withProgress;
    stub("withProgress", (options: vscode.ProgressOptions, task: Parameters<typeof real>[1]) =>
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
    const [, node] = await open("dev", "shop", "Deployments");
    await vscode.commands.executeCommand("nhctl.start", node);
    assert.deepEqual(reported.slice(0, 3), ["lock the workload", "ask the cluster's policies", "create the twin"]);
    const [{ params } = { params: {} }] = stage.requests("dev.start");
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
    await play(world({ calls: { "dev.start": [{ error: held }, { error: held }, { recorded: true }] } }));
    const said = press("showWarningMessage", "End that session; its files are kept", "Work on a copy");
    await vscode.commands.executeCommand("nhctl.start", { workload: web, folder: work });
    assert.equal(said.length, 2);
    assert.deepEqual(
      stage.requests("dev.start").map(({ params }) => [params["answers"], params["mode"]]),
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
    await play(world({ calls: { "dev.start": [{ error }] } }));
    const said = press("showErrorMessage", "Take a free local port");
    await vscode.commands.executeCommand("nhctl.start", { workload: web, folder: work });
    assert.deepEqual(said, ["Port 8080 of this computer is in use. Choose another one."]);
    assert.deepEqual(stage.requests("dev.forward")[0]?.params["open"], [{ local: 0, remote: 8080 }]);
  });

  it("cancels a start, and waits until it is undone", async () => {
    await play(
      world({
        calls: {
          "dev.start": [
            { hangs: true, events: [{ type: "step", step: { name: "create the twin", state: "started" } }] },
          ],
        },
      }),
    );
    const source = new vscode.CancellationTokenSource();
    stub(
      "withProgress",
      (_: vscode.ProgressOptions, task: (progress: object, token: vscode.CancellationToken) => Promise<unknown>) =>
        task({ report: () => {} }, source.token),
    );
    const shown = press("showErrorMessage");
    let over = false;
    const start = Promise.resolve(vscode.commands.executeCommand("nhctl.start", { workload: web, folder: work })).then(
      () => (over = true),
    );
    await until(() => stage.requests("dev.start").length > 0);
    source.cancel();
    await until(() => stage.requests("$/cancelRequest").length > 0);
    assert.equal(over, false);
    await stage.tell({ do: "undone" });
    await start;
    assert.deepEqual(shown, [], "who cancels has no failure to read");
  });

  it("shows the session of the folder in the status bar, and ends it", async () => {
    const live = session({ folder: work, context: "dev", sync: [] });
    await play(
      world({
        topics: { [own]: { items: { [live.id]: live } } },
        calls: { "dev.end": [{ result: { sessions: [] } }] },
      }),
    );
    await until(() => api.current.value?.id === live.id);
    await vscode.commands.executeCommand("nhctl.end");
    assert.deepEqual(stage.requests("dev.end")[0]?.params, {
      caller: { dir: work, context: "dev", namespace: "shop" },
      workload: web,
      session: live.id,
    });
    await stage.tell({ do: "push", topic: own, update: { gone: [live.id] } });
    await until(() => api.current.value === undefined);
  });

  it("offers the end of an abandoned session, once", async () => {
    const said = press("showInformationMessage", "End It");
    const lost = session({ id: "lost", folder: work, context: "dev", abandoned: true, live: false });
    await play(world({ topics: { [own]: { items: { lost } } }, calls: { "dev.end": [{ result: { sessions: [] } }] } }));
    await until(() => stage.requests("dev.end").length > 0);
    await stage.tell({ do: "push", topic: own, update: { sessions: { lost } } });
    assert.equal(stage.requests("dev.end")[0]?.params["abandoned"], true);
    assert.equal(said.length, 1);
  });

  it("goes on after nhctl was killed, and after garbage", async () => {
    await play(world());
    await open("dev", "shop");
    for (const trouble of ["die", "garbage"] as const) {
      const starts = stage.starts();
      await stage.tell({ do: trouble });
      await until(() => stage.starts() > starts);
      await ready();
      stage.clear();
      await stage.tell({
        do: "push",
        topic: key("workloads", ...shop),
        update: { workloads: { [web]: workload({ replicas: 7 }) } },
      });
      await until(
        () => api.tree.painter.state({ place: { context: "dev", namespace: "shop" }, key: web })?.word === "7 replicas",
      );
    }
  });

  it("says in words that nhctl is too old, and starts when that has changed", async () => {
    stage.set(world({ old: true }));
    await vscode.commands.executeCommand("nhctl.restart");
    await until(() => api.connection.state.kind === "failed");
    assert.deepEqual(await api.tree.getChildren(), []);
    assert.equal(api.connection.problem(api.connection.state).message, "this nhctl is too old for the extension");
    await play(world());
    assert.deepEqual(labels(await open()), ["dev", "prod"]);
  });

  it("says where a cluster is out of reach", async () => {
    const fail: rpc.Error = { code: "unauthorized", message: "the token has expired", hint: "sign in again" };
    await play(world({ topics: { [key("namespaces", "prod")]: { fail } } }));
    assert.deepEqual(described(await open("prod")), ["Sign in: the token has expired"]);
  });

  it("groups by config, marks favourites, and finds the folder's workload", async () => {
    await play(world());
    await vscode.workspace
      .getConfiguration("nhctl")
      .update("tree.groupBy", "config", vscode.ConfigurationTarget.Global);
    await until(() => vscode.workspace.getConfiguration("nhctl").get("tree.groupBy") === "config");
    assert.deepEqual(labels(await open("dev", "shop")), ["catalog", "Other workloads"]);
    const [node] = await open("dev", "shop", "catalog");
    await vscode.commands.executeCommand("nhctl.addFavourite", node);
    assert.deepEqual(labels(await open("Favourites")), ["web"]);
    await vscode.commands.executeCommand("nhctl.removeFavourite", node);
    await vscode.workspace
      .getConfiguration("nhctl")
      .update("tree.groupBy", undefined, vscode.ConfigurationTarget.Global);
    await vscode.commands.executeCommand("nhctl.reveal");
    await until(() => api.tree.view.selection[0]?.kind === "workload");
  });

  it("opens terminals as nhctl dev terminal, and copies their command", async () => {
    await play(world());
    const [, node] = await open("dev", "shop", "Deployments");
    await vscode.commands.executeCommand("nhctl.copyTerminalCommand", node);
    const command = "nhctl dev terminal deployment/web --context dev --namespace shop";
    assert.equal(await vscode.env.clipboard.readText(), command);
    await vscode.commands.executeCommand("nhctl.terminal", node);
    const terminal = await until(() => vscode.window.terminals.find(({ name }) => name === "nhctl: web"));
    const { shellPath, shellArgs } = terminal.creationOptions as vscode.TerminalOptions;
    assert.deepEqual([shellPath, ...(shellArgs as string[])], [stage.program, ...command.split(" ").slice(1)]);
    terminal.dispose();
  });

  it("debugs through nhctl dap, and hands Node over", async () => {
    await play(world());
    const { program, port } = await inspected();
    restore.push(() => program.kill());
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
    const launch = stage.adapters().find(({ command }) => command === "launch");
    assert.deepEqual([launch?.arguments["workload"], launch?.arguments["folder"]], [web, work]);
    await vscode.debug.stopDebugging();
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

  it("stays quick with 2,000 workloads and 200 changes a second", async () => {
    const many = (from: number, to: number, replicas: number): Record<string, rpc.Workload> =>
      Object.fromEntries(
        Array.from({ length: to - from }, (_, i) => {
          const name = `s${from + i}`;
          return [`deployment/${name}`, workload({ workload: `deployment/${name}`, name, replicas })];
        }),
      );
    await vscode.commands.executeCommand("nhctl.workloads.focus"); // debugging has brought its own view forward
    await play(world({ topics: { [key("workloads", ...shop)]: { items: many(0, 2_000, 1) } } }));
    const began = Date.now();
    assert.equal((await open("dev", "shop", "Deployments")).length, 2_000);
    const opened = Date.now() - began;

    let drawn = 0;
    let longest = 0;
    let last = Date.now();
    const watching = api.tree.onDidChangeTreeData((nodes) => {
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
    await stage.tell({ do: "flood", topic: key("workloads", ...shop), items: waves, every: 100 });
    const place = { context: "dev", namespace: "shop" };
    await until(() => api.tree.painter.state({ place, key: "deployment/s999" })?.word === "51 replicas");
    await until(() => drawn > 0);
    clearInterval(beat);
    watching.dispose();
    tell(
      `   2,000 workloads opened in ${opened} ms; longest block ${longest} ms; ${drawn} nodes drawn for 1,000 changes`,
    );
    assert.ok(drawn <= 1_000, "a change draws its own node, and no other");
  });
});
