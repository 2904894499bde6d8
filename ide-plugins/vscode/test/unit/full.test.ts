import assert from "node:assert/strict";
import { test } from "node:test";
import { fullText, Told } from "../../src/model/full";
import type * as rpc from "../../src/rpc";
import { english } from "../../src/text";
import { folder, full, session } from "./samples";

test("a full disk is told with where it is, what is missing and what to do", () => {
  const cases: [Partial<rpc.FullData>, string][] = [
    [
      { side: "remote" },
      "The disk in the pod is full. /src needs 2.5 MB more, and has 0.0 MB left. Remove files there, or give the " +
        "pod a larger volume: sync then goes on by itself within a minute.",
    ],
    [
      { side: "local", free: -1 },
      "The disk of this computer is full. /src needs 2.5 MB more. Make room there: sync then goes on by itself " +
        "within a minute.",
    ],
    [
      { side: "local", quota: true },
      "Your quota on this computer is used up. /src needs 2.5 MB more. Make room there: sync then goes on by itself " +
        "within a minute.",
    ],
    [
      { folder: "/s\u001b[31mrc\n", quota: true },
      "The quota in the pod is used up. /src needs 2.5 MB more. Remove files there, or give the pod a larger volume: " +
        "sync then goes on by itself within a minute.",
    ],
  ];
  for (const [given, want] of cases) {
    assert.equal(fullText(full(given), english), want);
  }
});

test("a full disk is told once, until its folder has all that it lacked", () => {
  const told = new Told();
  const here = full({ side: "local" });
  const there = full({ side: "remote" });
  const lacking = { folder: "/a", state: "syncing", filesToGo: 1 };
  const steps: [string, Partial<rpc.Session>, string[]][] = [
    ["nothing is full", { sync: [folder({ folder: "/a" })] }, []],
    ["the pod's is", { sync: [folder({ ...lacking, full: [there] })] }, ["remote"]],
    ["it still is", { sync: [folder({ ...lacking, full: [there] })] }, []],
    ["the pod can't be asked", { sync: [folder(lacking)] }, []],
    ["it can again", { sync: [folder({ ...lacking, full: [there] })] }, []],
    ["the link is lost", { live: false, sync: [] }, []],
    ["it is back", { sync: [folder({ ...lacking, full: [there] })] }, []],
    ["this computer's is, too", { sync: [folder({ ...lacking, full: [here, there] })] }, ["local"]],
    ["another folder's is", { sync: [folder({ ...lacking, folder: "/b", full: [there] })] }, ["remote"]],
    ["there is room", { sync: [folder({ folder: "/a" })] }, []],
    ["it is full again", { sync: [folder({ ...lacking, full: [there] })] }, ["remote"]],
    ["another session's is", { id: "other", sync: [folder({ ...lacking, full: [there] })] }, ["remote"]],
  ];
  for (const [name, given, want] of steps) {
    assert.deepEqual(
      told.fresh(session(given)).map(({ side }) => side),
      want,
      name,
    );
  }
});
