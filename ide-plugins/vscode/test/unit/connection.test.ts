import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { Connection, type State } from "../../src/connection/connection";
import { CancellationTokenSource } from "../../src/connection/jsonrpc";
import { type Clock, realClock } from "../../src/connection/pauses";
import { Cancelled, Problem } from "../../src/connection/problem";
import type * as rpc from "../../src/rpc";
import { key, type Scenario } from "../host/scenario";
import { Stage, until, usual } from "../host/stage";

const root = mkdtempSync(join(tmpdir(), "nhctl-vscode-"));
const recording = "../../nhctl/internal/daemon/rpc/rpcschema/recording/testdata/session.jsonl";
after(() => rmSync(root, { recursive: true, force: true }));

/** Pauses take no time. */
const impatient: Clock = { ...realClock, after: (_, what) => realClock.after(_ > 20_000 ? _ : 1, what) };

interface Running {
  stage: Stage;
  connection: Connection;
  states: string[];
  notices: string[];
}

function start(t: TestContext, scenario: Partial<Scenario> = {}, program?: string): Running {
  const stage = new Stage(
    join(root, t.name.replace(/\W+/g, "-").slice(0, 20)),
    join(__dirname, "../host/fake.js"),
    join(process.cwd(), recording),
  );
  stage.set(usual(scenario));
  const notices: string[] = [];
  const connection = new Connection({
    find: async () => ({ path: program ?? stage.program, args: ["ide"] }),
    log: () => {},
    notice: (text) => notices.push(text),
    clock: impatient,
  });
  const states: string[] = [];
  connection.onChange((state: State) => states.push(state.kind === "failed" ? state.failure : state.kind));
  t.after(() => connection.close());
  connection.start();
  return { stage, connection, states, notices };
}

const ready = async ({ connection }: Running): Promise<unknown> => until(() => connection.state.kind === "ready");

test("it calls, with events of the call alone", async (t) => {
  const it = start(t, { calls: { "dev.start": [{ recorded: true }] } });
  const steps: (string | undefined)[] = [];
  const result = await it.connection.call(
    "dev.start",
    { workload: "web" },
    { onEvent: ({ step }) => step?.state === "started" && steps.push(step.name) },
  );
  assert.equal(result.id, "03825a12");
  assert.equal(steps[0], "lock the workload");
  assert.equal(steps.length, 9);
  assert.deepEqual(it.stage.requests("dev.start")[0]?.params, { workload: "web" });
});

test("a problem comes as it is", async (t) => {
  const error: rpc.Error = { code: "held", message: "bob has it", question: { id: "q", text: "?", choices: [] } };
  const it = start(t, { calls: { "dev.start": [{ error }] } });
  await assert.rejects(it.connection.call("dev.start", {}), (thrown) => {
    assert.ok(thrown instanceof Problem);
    assert.deepEqual(thrown.data, error);
    return true;
  });
});

test("a cancelled call ends once it is undone", async (t) => {
  const it = start(t, { calls: { "dev.start": [{ hangs: true }] } });
  const source = new CancellationTokenSource();
  let ended = false;
  const call = it.connection.call("dev.start", {}, { token: source.token }).finally(() => (ended = true));
  const outcome = assert.rejects(call, Cancelled);
  await until(() => it.stage.requests("dev.start").length === 1);
  source.cancel();
  await until(() => it.stage.requests("$/cancelRequest").length === 1);
  assert.equal(ended, false);
  await it.stage.tell({ do: "undone" });
  await outcome;
});

test("a subscription's notice is heard", async (t) => {
  const message = "the session of deployment/web has ended: bob took it over";
  const topics = { [key("namespaces", "dev")]: { events: [{ type: "notice", message } as const], items: {} } };
  const it = start(t, { topics });
  let updates = 0;
  const count = (): void => void updates++;
  it.connection.subscribe({ topic: "namespaces", caller: { context: "dev" } }, count, () => assert.fail("it failed"));
  await until(() => updates === 1);
  assert.deepEqual(it.notices, [message]);
});

test("subscriptions live on over a killed child", async (t) => {
  const topics = { [key("namespaces", "dev")]: { items: { shop: { name: "shop", sources: ["cluster"] } } } };
  const it = start(t, { topics });
  const updates: rpc.Update[] = [];
  const subscription = it.connection.subscribe(
    { topic: "namespaces", caller: { context: "dev" } },
    (update) => updates.push(update),
    () => assert.fail("it failed"),
  );
  await until(() => updates.length === 1);
  await it.stage.tell({ do: "push", topic: key("namespaces", "dev"), update: { gone: ["shop"] } });
  await until(() => updates.length === 2);
  await it.stage.tell({ do: "die" });
  await until(() => updates.length === 3);
  assert.deepEqual(
    updates.map(({ snapshot, gone }) => [snapshot, gone]),
    [
      [true, undefined],
      [undefined, ["shop"]],
      [true, undefined],
    ],
  );
  assert.deepEqual(it.states, ["starting", "ready", "again", "starting", "ready"]);
  assert.equal(it.stage.starts(), 2);

  subscription.dispose();
  await until(() => it.stage.requests("$/cancelRequest").length === 1);
});

test("garbage ends the child, and a new one is started", async (t) => {
  const it = start(t, { calls: { "dev.start": [{ hangs: true }] } });
  await ready(it);
  const call = assert.rejects(it.connection.call("dev.start", {}), Problem);
  await until(() => it.stage.requests("dev.start").length === 1);
  await it.stage.tell({ do: "garbage" });
  await call; // a call that waits does not wait for ever
  await until(() => it.stage.starts() === 2);
  await ready(it);
});

test("a subscription that can't begin says why", async (t) => {
  const fail: rpc.Error = { code: "forbidden", message: "you may not list namespaces" };
  const it = start(t, { topics: { [key("namespaces", "dev")]: { fail } } });
  const problems: rpc.Error[] = [];
  it.connection.subscribe(
    { topic: "namespaces", caller: { context: "dev" } },
    () => {},
    ({ data }) => problems.push(data),
  );
  await until(() => problems.length > 0);
  assert.deepEqual(problems, [fail]);
});

test("a cluster that could not be reached is tried again", async (t) => {
  const fail: rpc.Error = { code: "unreachable", message: "no answer" };
  const name = key("namespaces", "dev");
  const it = start(t, { topics: { [name]: { fail } } });
  const updates: rpc.Update[] = [];
  let failures = 0;
  it.connection.subscribe(
    { topic: "namespaces", caller: { context: "dev" } },
    (update) => updates.push(update),
    () => failures++,
  );
  await until(() => failures > 1);
  it.stage.set(usual({ topics: { [name]: { items: {} } } }));
  await until(() => updates.length === 1);
});

test("an nhctl that is too old may end before it is spoken to", async (t) => {
  const old = join(root, "old");
  writeFileSync(old, "#!/bin/sh\nexec <&-\nsleep 0.3\nexit 2\n", { mode: 0o755 });
  const it = start(t, {}, old);
  await until(() => it.connection.state.kind === "failed");
  assert.deepEqual(it.states, ["starting", "tooOld"]);
});

test("bad days have names, and are not tried again", async (t) => {
  const cases: [string, Partial<Scenario>, string, string | undefined][] = [
    ["missing", {}, "missing", "/nowhere/nhctl"],
    ["no such command", { old: true }, "tooOld", undefined],
    ["an old protocol", { protocol: 0 }, "tooOld", undefined],
    ["a loop", { crash: true }, "crashing", undefined],
  ];
  for (const [name, scenario, failure, program] of cases) {
    await t.test(name, async (sub) => {
      const it = start(sub, scenario, program);
      await until(() => it.connection.state.kind === "failed");
      assert.equal(it.states.at(-1), failure);
      await assert.rejects(it.connection.call("dev.list", {}), Problem, "a call says so at once");
      if (name === "a loop") {
        assert.match(JSON.stringify(it.connection.state), /out of luck/);
        it.stage.set(usual());
        it.connection.start();
        await ready(it);
      }
    });
  }
});

test("nothing runs after close", async (t) => {
  const it = start(t);
  await ready(it);
  await it.connection.close();
  assert.equal(it.connection.state.kind, "off");
});
