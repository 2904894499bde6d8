import assert from "node:assert/strict";
import { test } from "node:test";
import type { Topic } from "../../src/model/items";
import { type Scope, World } from "../../src/model/world";
import type * as rpc from "../../src/rpc";
import { english } from "../../src/text";
import type { Choices } from "../../src/tree/children";
import { Forest } from "../../src/tree/forest";
import { Painter } from "../../src/tree/look";
import type { Node } from "../../src/tree/node";
import { wanted } from "../../src/tree/wanted";
import { session, workload } from "./samples";

const place = { context: "prod/eu", namespace: "shop" };
const web = "deployment/web";

class Stage {
  readonly world = new World();
  choices: Choices = { grouping: "kind", services: [], favourites: [] };
  readonly forest = new Forest(this.world, () => this.choices);
  readonly painter = new Painter(
    this.world,
    () => this.choices,
    () => "09:14",
    english,
  );

  tell(scope: Scope, update: Partial<rpc.Update>): void {
    const change = this.world.fold(scope, { call: "1", topic: scope.topic, ...update });
    this.forest.note(scope, change);
  }

  workloads(items: Record<string, rpc.Workload>, more: Partial<rpc.Update> = {}): void {
    this.tell({ topic: "workloads", ...place }, { workloads: items, ...more });
  }

  /** Opens all nodes whose labels these are, one below the other, and returns the last one's children. */
  open(...labels: string[]): Node[] {
    return labels.reduce<Node[]>((nodes, label) => {
      const node = nodes.find((one) => this.painter.look(one).label === label);
      assert.ok(node, `${label} is not in ${this.lines(nodes).join("; ")}`);
      return this.forest.children(node);
    }, this.forest.children(undefined));
  }

  lines(nodes: readonly Node[]): string[] {
    return nodes.map((node) => {
      const { label, description } = this.painter.look(node);
      return description ? `${label} (${description})` : label;
    });
  }
}

function stage(): Stage {
  const it = new Stage();
  const cluster = (context: string, more: Partial<rpc.Cluster> = {}): rpc.Cluster => ({
    context,
    cluster: context,
    server: "https://x",
    user: "ada",
    ...more,
  });
  it.tell(
    { topic: "clusters" },
    {
      snapshot: true,
      clusters: { dev: cluster("dev"), "prod/eu": cluster("prod/eu", { current: true, namespace: "shop" }) },
    },
  );
  const named = (...names: string[]): Record<string, rpc.Namespace> =>
    Object.fromEntries(names.map((name) => [name, { name, sources: ["cluster"] }]));
  it.tell(
    { topic: "namespaces", context: place.context },
    { snapshot: true, namespaces: named("kube-system", "bank", "shop") },
  );
  it.workloads(
    {
      "deployment/web": workload({
        containers: [{ name: "app", image: "web:1", ports: [{ port: 8080, protocol: "TCP", name: "http" }] }],
        services: [{ name: "web", ports: [{ port: 80, protocol: "TCP", target: "8080" }] }],
      }),
      "deployment/api-10": workload({ workload: "deployment/api-10", name: "api-10" }),
      "deployment/api-9": workload({ workload: "deployment/api-9", name: "api-9" }),
      "statefulset/db": workload({ workload: "statefulset/db", kind: "statefulset", name: "db", replicas: 3 }),
      "rollouts.v1alpha1.argoproj.io/x": workload({
        workload: "rollouts.v1alpha1.argoproj.io/x",
        kind: "rollouts.v1alpha1.argoproj.io",
        name: "x",
      }),
    },
    { snapshot: true },
  );
  it.forest.take();
  return it;
}

test("the tree, by kind", () => {
  const it = stage();
  assert.deepEqual(it.lines(it.open()), ["prod/eu (current)", "dev"]);
  assert.deepEqual(it.lines(it.open("prod/eu")), ["shop (the context's)", "bank", "kube-system"]);
  assert.deepEqual(it.lines(it.open("prod/eu", "shop")), [
    "Deployments (3)",
    "StatefulSets (1)",
    "Rollouts.v1alpha1.argoproj.io (1)",
  ]);
  assert.deepEqual(it.lines(it.open("prod/eu", "shop", "Deployments")), [
    "api-9 (1 replica)",
    "api-10 (1 replica)",
    "web (1 replica)",
  ]);
  assert.deepEqual(it.lines(it.open("prod/eu", "shop", "Deployments", "web")), [
    "app (web:1)",
    "web (Service · 80 → 8080)",
  ]);
  assert.deepEqual(it.lines(it.open("prod/eu", "shop", "Deployments", "web", "app")), ["8080 (http)"]);
});

test("the tree, by config: workloads keep their ids", () => {
  const it = stage();
  const before = it.open("prod/eu", "shop", "Deployments").map(({ id }) => id);
  const services = [{ folder: "/src/catalog", title: "catalog", workload: "deployment/web" }];
  it.choices = { ...it.choices, grouping: "config", services };
  assert.deepEqual(it.lines(it.open("prod/eu", "shop")), ["catalog (1)", "Other workloads (4)"]);
  const [node] = it.open("prod/eu", "shop", "catalog");
  assert.ok(node && before.includes(node.id));
  assert.equal(node.parent?.kind, "group");
});

test("favourites come first, and know where they are", () => {
  const it = stage();
  it.choices = {
    ...it.choices,
    favourites: [
      { place, key: web },
      { place, key: "deployment/gone" },
    ],
  };
  assert.equal(it.lines(it.open())[0], "Favourites");
  assert.deepEqual(it.lines(it.open("Favourites")), ["web (1 replica · shop · prod/eu)", "gone (shop · prod/eu)"]);
  const ids = [...it.open("Favourites"), ...it.open("prod/eu", "shop", "Deployments")].map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

test("a session shows its pod and ports, someone else's is grey", () => {
  const it = stage();
  const held = {
    id: "s1",
    mode: "replace",
    phase: "active",
    holder: { user: "ada", local: "ada@laptop" },
    mine: true,
    since: "",
  };
  it.workloads({ [web]: workload({ sessions: [held] }) });
  it.tell({ topic: "sessions", ...place }, { snapshot: true, sessions: { s1: session({ id: "s1", pod: "web-1" }) } });
  const forward = { local: 8080, remote: 80, state: "listening", session: "s1", namespace: "shop", workload: web };
  it.tell(
    { topic: "forwards" },
    { snapshot: true, forwards: { "s1/8080": forward, "s2/1": { ...forward, session: "s2" } } },
  );
  assert.deepEqual(it.lines(it.open("prod/eu", "shop", "Deployments", "web")), [
    "web-1 (dev pod)",
    "localhost:8080 (→ 80)",
  ]);
  const node = it.open("prod/eu", "shop", "Deployments").at(-1) as Node;
  const mine = it.painter.look(node);
  assert.deepEqual(
    [mine.context, mine.icon, mine.muted, mine.spoken],
    ["workload mine active", { image: "hammer" }, false, "web, in dev mode"],
  );

  it.workloads({ [web]: workload({ sessions: [{ ...held, mine: false }] }) });
  const other = it.painter.look(node);
  assert.deepEqual(
    [other.context, other.description, other.muted],
    ["workload other active", "ada@laptop since 09:14", true],
  );
  assert.match(other.tooltip ?? "", /ask ada@laptop, work on a copy, or choose Wait or Take Over/);
});

test("pods and volumes, with a word for how they are", () => {
  const it = stage();
  const pods: rpc.Pod[] = [
    { name: "web-b", state: "CrashLoopBackOff", restarts: 3 },
    { name: "web-c", state: "Running", restarts: 1 },
    { name: "web-a", state: "Running", ready: true },
  ];
  const volumes: rpc.PodVolume[] = [{ name: "settings", source: "ConfigMap web", paths: ["/etc/web"] }];
  it.workloads({
    [web]: workload({ replicas: 3, pods, podCount: 40, volumes }),
    "pod/shell": workload({ workload: "pod/shell", kind: "pod", name: "shell", pods: pods.slice(2), podCount: 1 }),
  });
  assert.deepEqual(it.lines(it.open("prod/eu", "shop", "Deployments", "web")), [
    "Pods (38 of 40 ready)",
    "Volumes (1)",
  ]);
  assert.deepEqual(it.lines(it.open("prod/eu", "shop", "Deployments", "web", "Pods")), [
    "web-b (CrashLoopBackOff · 3 restarts)",
    "web-c (not ready · 1 restart)",
    "web-a (ready)",
    "37 more",
  ]);
  assert.deepEqual(it.lines(it.open("prod/eu", "shop", "Deployments", "web", "Volumes")), [
    "settings (ConfigMap web · /etc/web)",
  ]);
  assert.deepEqual(it.lines(it.open("prod/eu", "shop", "Pods", "shell")), [], "a pod is its own");
  const ids = it.open("prod/eu", "shop", "Deployments", "web", "Pods").map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

test("only what changed is drawn again", () => {
  const it = stage();
  it.open("prod/eu", "shop", "Deployments");
  it.open("prod/eu", "shop", "StatefulSets");
  const redrawn = (): string[] => it.forest.take().map((node) => (node ? it.painter.look(node).label : "root"));

  it.workloads({ [web]: workload({ replicas: 2 }) });
  it.workloads({ [web]: workload({ replicas: 3 }) });
  assert.deepEqual(redrawn(), ["web"]);
  assert.deepEqual(redrawn(), []);

  it.workloads({ "deployment/new": workload({ name: "new" }), [web]: workload() });
  assert.deepEqual(redrawn(), ["shop"], "a list that grew has all of its items");

  it.tell({ topic: "workloads", ...place, namespace: "bank" }, { snapshot: true });
  assert.deepEqual(redrawn(), ["bank"]);
  it.tell({ topic: "workloads", context: "dev", namespace: "bank" }, { snapshot: true });
  assert.deepEqual(redrawn(), [], "a node that was never shown");
});

test("a list that is shown for the first time is not drawn once more", () => {
  const it = stage();
  it.tell({ topic: "workloads", ...place }, { snapshot: true });
  it.open("prod/eu", "shop");
  assert.deepEqual(it.forest.take(), []);
  it.tell({ topic: "workloads", ...place }, { workloads: { [web]: workload() } });
  it.open("prod/eu", "shop");
  assert.deepEqual(
    it.forest.take().map((node) => node?.kind),
    ["namespace"],
  );
});

test("a node stays the same object as long as it is shown", () => {
  const it = stage();
  const before = it.open("prod/eu", "shop", "Deployments");
  it.workloads({}, { gone: ["deployment/api-9"] });
  const after = it.open("prod/eu", "shop", "Deployments");
  assert.deepEqual(after, before.slice(1));
  assert.ok(after.every((node, i) => node === before[i + 1]));
  assert.equal(it.forest.node(before[0]?.id ?? ""), undefined);
});

test("2,000 workloads: each change draws one node, a wave of them the list", () => {
  const it = stage();
  const many = Object.fromEntries(
    Array.from({ length: 2_000 }, (_, i) => [
      `deployment/s${i}`,
      workload({ workload: `deployment/s${i}`, name: `s${i}` }),
    ]),
  );
  it.workloads(many, { snapshot: true });
  assert.equal(it.open("prod/eu", "shop", "Deployments").length, 2_000);
  it.forest.take();
  const some = (n: number): Record<string, rpc.Workload> => Object.fromEntries(Object.entries(many).slice(0, n));
  it.workloads(some(20));
  assert.equal(it.forest.take().length, 20);
  it.workloads(some(1_000));
  assert.deepEqual(
    it.forest.take().map((node) => node?.kind),
    ["namespace"],
  );
});

test("what is wrong stands where it is wrong", () => {
  const it = stage();
  const problem: rpc.Error = { code: "unauthorized", message: "the token has expired", hint: "sign in again" };
  it.tell({ topic: "namespaces", context: "dev" }, { snapshot: true, problem });
  assert.deepEqual(it.lines(it.open("dev")), ["Sign in (the token has expired)"]);
  it.tell({ topic: "workloads", ...place, namespace: "bank" }, { snapshot: true });
  assert.deepEqual(it.lines(it.open("prod/eu", "bank")), ["No workloads"]);
});

test("foreign text can't be Markdown, or two lines", () => {
  const it = stage();
  it.workloads({
    [web]: workload({ owner: "[x](command:evil)", containers: [{ name: "a\nb\u001b[31m", image: "i" }] }),
  });
  const node = it.open("prod/eu", "shop", "Deployments").at(-1) as Node;
  assert.ok(!it.painter.look(node).tooltip?.includes("[x](command:evil)"));
  assert.deepEqual(it.lines(it.forest.children(node)), ["a b (i)"]);
});

test("subscriptions follow what is open and visible", () => {
  const it = stage();
  const [context] = it.open();
  const [namespace] = it.open("prod/eu");
  assert.ok(context && namespace);
  const topics = (open: Node[], visible = true): [Topic, string?, string?][] =>
    wanted(open, it.choices, visible).map(({ topic, context, namespace }) => [topic, context, namespace]);
  const always: [Topic, string?, string?][] = [
    ["clusters", undefined, undefined],
    ["forwards", undefined, undefined],
  ];
  assert.deepEqual(topics([]), always);
  assert.deepEqual(topics([context]), [...always, ["namespaces", "prod/eu", undefined]]);
  assert.deepEqual(topics([context, namespace]), [
    ...always,
    ["namespaces", "prod/eu", undefined],
    ["workloads", "prod/eu", "shop"],
    ["sessions", "prod/eu", "shop"],
  ]);
  assert.deepEqual(topics([namespace]), always, "below a closed context nothing is dialled");
  assert.deepEqual(topics([context, namespace], false), []);
});
