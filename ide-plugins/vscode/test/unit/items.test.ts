import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Items } from "../../src/model/items";
import type * as rpc from "../../src/rpc";

const update = (more: Partial<rpc.Update>): rpc.Update => ({ call: "1", topic: "namespaces", ...more });
const named = (name: string): rpc.Namespace => ({ name, sources: ["cluster"] });

test("updates are folded as nhctl folds them", () => {
  const items = new Items("namespaces");
  assert.deepEqual(items.fold(update({ snapshot: true, namespaces: { a: named("a"), b: named("b") } })), {
    changed: [],
    list: true,
  });
  assert.deepEqual(items.fold(update({ namespaces: { a: { ...named("a"), terminating: true } } })), {
    changed: ["a"],
    list: false,
  });
  assert.deepEqual(items.fold(update({ namespaces: { c: named("c") }, gone: ["b", "never"] })), {
    changed: [],
    list: true,
  });
  assert.deepEqual([...items.map.keys()], ["a", "c"]);
  assert.deepEqual(items.fold(update({ snapshot: true, namespaces: { a: named("a"), c: named("c") } })), {
    changed: ["a", "c"],
    list: false,
  });
  assert.deepEqual(items.fold(update({ snapshot: true })), { changed: [], list: true });
  assert.equal(items.map.size, 0);
});

test("a problem comes and goes", () => {
  const items = new Items("namespaces");
  items.fold(update({ snapshot: true, namespaces: { a: named("a") } }));
  const problem: rpc.Error = { code: "unreachable", message: "the cluster does not answer" };
  assert.equal(items.fold(update({ problem })).list, true);
  assert.equal(items.fold(update({ problem })).list, false, "the same again");
  assert.deepEqual([...items.map.keys()], ["a"], "the items stay");
  assert.equal(items.fold(update({})).list, true);
  assert.equal(items.problem, undefined);
});

test("nhctl's recorded subscription leaves what it began with", () => {
  const items = new Items("workloads");
  const phases: (string | undefined)[] = [];
  const file = "../../nhctl/internal/daemon/rpc/rpcschema/recording/testdata/subscription.jsonl";
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const message = (JSON.parse(line) as { daemon?: { method?: string; params?: rpc.Update } }).daemon;
    if (message?.method === "update" && message.params) {
      items.fold(message.params);
      phases.push(items.map.get("deployment/web")?.sessions?.[0]?.phase);
    }
  }
  assert.deepEqual(phases, [undefined, "entering", "active", "leaving", undefined]);
});
