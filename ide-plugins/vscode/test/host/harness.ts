import assert from "node:assert/strict";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Api } from "../../src/extension";
import type * as rpc from "../../src/rpc";
import type { Node } from "../../src/tree/node";
import { workload } from "../unit/samples";
import { key, type Scenario } from "./scenario";
import { Stage, until, usual } from "./stage";
import { User } from "./user";

export const root = process.env["NHCTL_TEST_ROOT"] ?? "";
/** The folder that is open, with the sources of `web`. */
export const work = join(root, "work", "catalog");
export const web = "deployment/web";
export const shop = ["dev", "shop"] as const;
/** The topic of the sessions of this computer. */
export const own = key("sessions", "", "", "all");

const here = join(__dirname, "../..");
export const recording = join(here, "../../nhctl/internal/daemon/rpc/rpcschema/recording/testdata/session.jsonl");

/** One cluster with two workloads, and another one that no test opens by itself. */
export function world(more: Partial<Scenario> = {}): Scenario {
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

export function text(label: string | vscode.TreeItemLabel | undefined): string {
  return typeof label === "string" ? label : (label?.label ?? "");
}

/** The extension, the fake nhctl that it runs, and the user who answers it. */
export class Harness {
  readonly stage = new Stage(join(root, "fake"), join(here, "out/host/fake.js"), recording);
  readonly user = new User(vscode.window);

  private constructor(readonly api: Api) {}

  /** Lets the extension run with a fake of its own, and brings the tree forward. */
  static async make(): Promise<Harness> {
    const extension = vscode.extensions.getExtension<Api>("nhctl.nhctl");
    assert.ok(extension);
    const harness = new Harness(await extension.activate());
    await harness.play(world());
    await harness.look();
    return harness;
  }

  /** Changes the scenario, and lets nhctl start with it. */
  async play(scenario: Scenario): Promise<void> {
    this.stage.set(scenario);
    this.stage.clear();
    await vscode.commands.executeCommand("nhctl.restart");
    await this.ready();
  }

  /** Waits until nhctl is there, with what it tells of all that is subscribed to: its answer comes behind that. */
  async ready(): Promise<void> {
    await until(() => this.api.connection.state.kind === "ready", "nhctl is ready");
    await this.api.connection.call("daemon.status", undefined);
  }

  /** Brings the tree forward. */
  async look(): Promise<void> {
    await vscode.commands.executeCommand("nhctl.workloads.focus");
    await until(() => this.api.tree.view.visible, "the tree is visible");
  }

  /** Opens the tree along some labels, and returns what is below the last one. */
  async open(...path: string[]): Promise<Node[]> {
    let nodes = await this.api.tree.getChildren();
    for (const label of path) {
      const node = nodes.find((one) => this.api.tree.getTreeItem(one).label === label);
      assert.ok(node, `${label} is not among ${this.labels(nodes).join(", ")}`);
      nodes = await this.api.tree.getChildren(node);
    }
    return nodes;
  }

  /** Waits until the tree has these labels below the last one of a path. */
  async shows(expected: string[], ...path: string[]): Promise<void> {
    let labels: string[] = [];
    const look = setInterval(() => {
      void this.open(...path).then((nodes) => (labels = this.labels(nodes)));
    }, 50);
    const same = (): boolean => JSON.stringify(labels) === JSON.stringify(expected);
    await until(same, `${path.join(", ")} has ${expected.join(", ")}`).finally(() => clearInterval(look));
  }

  labels(nodes: Node[]): string[] {
    return nodes.map((node) => text(this.api.tree.getTreeItem(node).label));
  }

  /** The nodes with what is written next to their labels. */
  described(nodes: Node[]): string[] {
    return nodes.map((node) => {
      const item = this.api.tree.getTreeItem(node);
      return `${text(item.label)}: ${String(item.description)}`;
    });
  }

  /** Leaves nothing to the next test: no answers, no debug session, no program that waits. */
  async leave(): Promise<void> {
    this.user.leave();
    await vscode.debug.stopDebugging();
  }
}
