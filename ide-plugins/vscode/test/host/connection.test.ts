import assert from "node:assert/strict";
import { delimiter, join } from "node:path";
import * as vscode from "vscode";
import { session, workload } from "../unit/samples";
import { Harness, own, recording, root, shop, web, work, world } from "./harness";
import { tell } from "./report";
import { key } from "./scenario";
import { Stage, until } from "./stage";

/** The workloads of the shop, of which web is in dev mode. */
const inDevMode = {
  [key("workloads", ...shop)]: {
    items: {
      [web]: workload({
        sessions: [
          {
            id: "03825a12",
            mode: "replace",
            phase: "active",
            holder: { user: "ada", local: "ada@laptop" },
            mine: true,
            since: "2026-11-29T09:14:00Z",
          },
        ],
      }),
      "deployment/api": workload({ workload: "deployment/api", name: "api" }),
    },
  },
};

/** How the tree shows web. */
function wordOf(harness: Harness): string | undefined {
  return harness.api.tree.painter.state({ place: { context: "dev", namespace: "shop" }, key: web })?.word;
}

describe("the connection to nhctl", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
    tell(`   activated in ${Math.round(harness.api.activation)} ms`);
  });

  afterEach(() => harness.leave());

  it("goes on after nhctl was killed, and after garbage", async () => {
    await harness.play(world());
    await harness.open("dev", "shop");
    for (const trouble of ["die", "garbage"] as const) {
      const starts = harness.stage.starts();
      await harness.stage.tell({ do: trouble });
      await until(() => harness.stage.starts() > starts);
      await harness.ready();
      harness.stage.clear();
      await harness.stage.tell({
        do: "push",
        topic: key("workloads", ...shop),
        update: { workloads: { [web]: workload({ replicas: 7 }) } },
      });
      await until(
        () =>
          harness.api.tree.painter.state({ place: { context: "dev", namespace: "shop" }, key: web })?.word ===
          "7 replicas",
      );
    }
  });

  it("uses the newest of two versions in turn, and keeps the session in the tree", async () => {
    const mine = session({ folder: work, context: "dev" });
    const live = world({ topics: { [own]: { items: { [mine.id]: mine } }, ...inDevMode } });
    await harness.play(live);
    const older = harness.stage;
    const newer = new Stage(join(root, "newer"), join(__dirname, "fake.js"), recording);
    const path = process.env["PATH"];
    process.env["PATH"] = `${newer.folder}${delimiter}${path}`;
    harness.user.afterwards(() => (process.env["PATH"] = path));
    await harness.open("dev", "shop", "Deployments");
    const version = (): string | undefined => {
      const { state } = harness.api.connection;
      return state.kind === "ready" ? state.nhctl.build.version : undefined;
    };
    const turns: [string, string, Stage][] = [
      ["v0.1.0", "v0.2.0", newer],
      ["v0.3.0", "v0.2.0", older],
      ["v0.3.0", "v0.10.0", newer],
      ["v0.10.0", "v0.10.0", older], // of the same, that of the setting
    ];
    for (const [setting, onPath, used] of turns) {
      older.set({ ...live, version: setting });
      newer.set({ ...live, version: onPath });
      const starts = [older, newer].map((one) => one.starts() + (one === used ? 1 : 0));
      await vscode.commands.executeCommand("nhctl.restart");
      await harness.ready();
      assert.equal(version(), used === older ? setting : onPath);
      await until(() => harness.api.current.value?.id === mine.id && wordOf(harness) === "in dev mode");
      assert.deepEqual([older.starts(), newer.starts()], starts, "it is started once, and stays");
    }
  });

  it("stays connected, and loses no session, while a newer nhctl replaces the daemon", async () => {
    const mine = session({ folder: work, context: "dev" });
    await harness.play(world({ topics: { [own]: { items: { [mine.id]: mine } }, ...inDevMode } }));
    await harness.open("dev", "shop", "Deployments");
    await until(() => wordOf(harness) === "in dev mode");
    const starts = harness.stage.starts();
    const states: string[] = [];
    const watching = harness.api.connection.onChange(({ kind }) => states.push(kind));
    const words = new Set<string | undefined>();
    const looking = setInterval(() => words.add(wordOf(harness)), 1);
    harness.stage.clear();
    for (let i = 1; i <= 5; i++) {
      // The next daemon's snapshot is all that an editor hears: `nhctl ide` takes the subscriptions there.
      const since = `2026-11-29T09:14:0${i}Z`;
      const next = { ...mine, heartbeat: since };
      const update = { snapshot: true, sessions: { [mine.id]: next } };
      await harness.stage.tell({ do: "push", topic: own, update });
      await until(() => harness.api.current.value?.heartbeat === since);
    }
    clearInterval(looking);
    watching.dispose();
    words.add(wordOf(harness));
    assert.deepEqual([states, [...words]], [[], ["in dev mode"]]);
    assert.deepEqual(
      harness.stage.requests().map(({ method }) => method),
      [],
      "the editor asks for nothing again",
    );
    assert.equal(harness.stage.starts(), starts);
  });

  it("says in words that nhctl is too old, and starts when that has changed", async () => {
    harness.stage.set(world({ old: true }));
    await vscode.commands.executeCommand("nhctl.restart");
    await until(() => harness.api.connection.state.kind === "failed");
    assert.deepEqual(await harness.api.tree.getChildren(), []);
    assert.equal(
      harness.api.connection.problem(harness.api.connection.state).message,
      "this nhctl is too old for the extension",
    );
    await harness.play(world());
    assert.deepEqual(harness.labels(await harness.open()), ["dev", "prod"]);
  });
});
