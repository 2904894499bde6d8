import assert from "node:assert/strict";
import { test } from "node:test";
import { barText } from "../../src/model/bar";
import { clockwork, syncState, workloadState } from "../../src/model/state";
import type * as rpc from "../../src/rpc";
import { english } from "../../src/text";
import { folder, full, session, workload } from "./samples";

const at = (): string => "09:14";
const mine = {
  id: "s",
  mode: "replace",
  phase: "active",
  holder: { user: "ada", local: "ada@laptop" },
  mine: true,
  since: "2026-11-29T09:14:00Z",
};
const theirs = { ...mine, mine: false, holder: { user: "bob", local: "bob@desk" } };

const ready = { name: "web-1", state: "Running", ready: true };
const starting = { name: "web-2", state: "ContainerCreating" };
const crashing = { name: "web-3", state: "CrashLoopBackOff" };

test("states of workloads, in words", () => {
  const cases: [string, Partial<rpc.Workload>, Partial<rpc.Session> | undefined, string, string, string][] = [
    ["nothing special", { replicas: 2 }, undefined, "free", "2 replicas", "plain"],
    ["one", { replicas: 1 }, undefined, "free", "1 replica", "plain"],
    ["scaled down", { replicas: 0 }, undefined, "free", "0 replicas", "muted"],
    ["suspended", { kind: "cronjob", suspended: true }, undefined, "free", "suspended", "muted"],
    ["a DaemonSet has no replicas", { kind: "daemonset", replicas: 0 }, undefined, "free", "", "plain"],
    [
      "pods on their way",
      { replicas: 2, pods: [starting, ready] },
      undefined,
      "free",
      "2 replicas, 1 not ready",
      "plain",
    ],
    ["pods in trouble", { pods: [starting, crashing] }, undefined, "free", "CrashLoopBackOff", "warning"],
    ["a Job's old failure", { kind: "job", pods: [crashing] }, undefined, "free", "", "plain"],
    [
      "pods that are done",
      { kind: "pod", pods: [{ ...ready, ready: false, state: "Succeeded" }] },
      undefined,
      "free",
      "",
      "plain",
    ],
    ["mine", { sessions: [mine] }, { live: true }, "mine", "in dev mode", "active"],
    ["a copy", { sessions: [{ ...mine, mode: "duplicate" }] }, { live: true }, "mine", "in dev mode, a copy", "active"],
    ["begins", { sessions: [{ ...mine, phase: "entering" }] }, undefined, "mine", "starting", "busy"],
    ["ends", { sessions: [{ ...mine, phase: "leaving" }] }, undefined, "mine", "ending", "busy"],
    ["someone else's", { sessions: [theirs] }, undefined, "other", "bob@desk since 09:14", "muted"],
    ["mine before theirs", { sessions: [theirs, mine] }, { live: true }, "mine", "in dev mode", "active"],
    ["abandoned", { sessions: [theirs] }, { abandoned: true }, "abandoned", "abandoned by bob@desk", "warning"],
    ["drift", { sessions: [{ ...mine, drift: "freed" }] }, { live: true }, "mine", "its own pods are back", "warning"],
    ["not served", { sessions: [mine] }, { live: false }, "mine", "in dev mode, not connected", "warning"],
    ["paused", { sessions: [mine] }, { live: true, sync: [folder({ state: "paused" })] }, "mine", "paused", "muted"],
  ];
  for (const [name, given, detail, standing, word, tone] of cases) {
    const state = workloadState(workload(given), () => detail && session(detail), at, english);
    assert.deepEqual([state.standing, state.word, state.tone], [standing, word, tone], name);
  }
});

test("states of sync: what needs the user most comes first", () => {
  const held = { side: "local", files: 3, of: 4, paths: [] };
  const save = { path: "main.go", time: "2026-11-29T09:14:00Z", seconds: 0.0344 };
  const cases: [string, rpc.SyncData[], string, string][] = [
    ["in sync", [folder({ lastSave: save })], "in sync", "check"],
    ["held before conflicts", [folder({ conflicts: 1, held })], "deletions wait", "trash"],
    ["conflicts of all folders", [folder({ conflicts: 1 }), folder({ conflicts: 2 })], "3 conflicts", "git-merge"],
    ["errors", [folder({ errors: { a: "it is locked" } })], "1 file fails", "error"],
    [
      "a full disk in the pod, before conflicts",
      [folder({ conflicts: 1, full: [full({ side: "remote" })] })],
      "the pod's disk is full",
      "error",
    ],
    [
      "both disks, the nearer one",
      [folder({ full: [full({ side: "remote" }), full({ side: "local" })] })],
      "this disk is full",
      "error",
    ],
    ["paused", [folder({ state: "paused", filesToGo: 3 })], "paused", "debug-pause"],
    ["to go, both ways", [folder({ filesToGo: 3, filesToCome: 1 })], "4 files to go", "sync~spin"],
    ["disconnected", [folder({ state: "disconnected" })], "not connected", "debug-disconnect"],
  ];
  for (const [name, folders, word, icon] of cases) {
    const state = syncState(folders, undefined, english);
    assert.deepEqual([state?.word, state?.icon], [word, icon], name);
  }
  assert.equal(syncState([], undefined, english), undefined);
  assert.equal(syncState([folder({ lastSave: save })], undefined, english)?.save, 34);
  assert.equal(syncState([folder({})], { state: "down" }, english)?.word, "connecting");
});

test("the status bar says the state in few words", () => {
  const save = { path: "main.go", time: "2026-11-29T09:14:00Z", seconds: 0.0344 };
  const cases: [string, Partial<rpc.Session>, string, boolean][] = [
    ["in sync", { sync: [folder({ lastSave: save })] }, "$(check) web · 34 ms", false],
    ["never saved", { sync: [folder({})] }, "$(check) web · in sync", false],
    ["busy", { sync: [folder({ filesToGo: 12 })] }, "$(sync~spin) web · 12 files to go", false],
    ["conflicts", { sync: [folder({ conflicts: 2 })] }, "$(git-merge) web · 2 conflicts", true],
    ["begins", { phase: "entering" }, "$(sync~spin) web · starting", false],
    ["not served", { live: false }, "$(debug-disconnect) web · not connected", true],
  ];
  for (const [name, given, text, warning] of cases) {
    const bar = barText(session(given), english);
    assert.deepEqual([bar.text, bar.warning], [text, warning], name);
  }
  assert.equal(
    barText(session({ sync: [folder({ lastSave: save })] }), english).spoken,
    "Dev mode of web: in sync, 34 ms",
  );
});

test("a time of today has no date", () => {
  const now = new Date(2026, 10, 30, 12, 0);
  const clock = clockwork("en-GB", () => now);
  assert.equal(clock(new Date(2026, 10, 30, 9, 14)), "09:14");
  assert.match(clock(new Date(2026, 10, 29, 9, 14)), /29 Nov.*09:14/);
});
