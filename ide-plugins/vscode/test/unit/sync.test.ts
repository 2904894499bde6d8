import assert from "node:assert/strict";
import { test } from "node:test";
import { below, inside } from "../../src/model/paths";
import type * as rpc from "../../src/rpc";
import { fileOfVersion, keptOf, newest, query, sizeOf, versionLook } from "../../src/sync/kept";
import { changes, type Mark, markLook, marks } from "../../src/sync/marks";
import { english } from "../../src/text";
import { folder, session } from "./samples";

const root = "/home/ada/shop";

function version(more: Partial<rpc.SyncVersion> = {}): rpc.SyncVersion {
  return {
    folder: root,
    side: "remote",
    id: "src/main.go/20261129T091400.000000000Z.conflict",
    path: "src/main.go",
    time: "2026-11-29T09:14:00Z",
    reason: "conflict",
    bytes: 1_234,
    ...more,
  };
}

test("paths inside a folder, and those that lead out of it", () => {
  const cases: [string, boolean][] = [
    [root, true],
    [`${root}/src/main.go`, true],
    [`${root}/..data/a`, true],
    [`${root}2`, false],
    ["/home/ada", false],
    [`${root}/../other`, false],
  ];
  for (const [path, want] of cases) {
    assert.equal(inside(path, root), want, path);
  }
  assert.equal(below(root, "src/main.go"), `${root}/src/main.go`);
  for (const path of ["", ".", "..", "../other/a", "src/../../x", "src/.."]) {
    assert.equal(below(root, path), undefined, path);
  }
  assert.equal(below("", "a"), undefined);
});

test("files that need the user are marked: conflicts, and deletions that wait on either side", () => {
  const held = (side: string): rpc.HeldData => ({ side, files: 2, of: 4, paths: ["data/a", "../../etc/passwd"] });
  const given = session({
    folder: root,
    sync: [
      folder({ folder: `${root}/web`, conflictPaths: ["main.go", "/../../evil"], conflicts: 2 }),
      folder({ held: held("local") }),
      folder({ folder: `${root}/api`, held: held("remote"), conflictPaths: ["data/a"] }),
      folder({ held: { ...held("local"), paths: null } }),
    ],
  });
  assert.deepEqual(
    [...marks(given)],
    [
      [`${root}/web/main.go`, "conflict"],
      [`${root}/data/a`, "deletedHere"],
      [`${root}/api/data/a`, "conflict"],
    ],
  );
  assert.deepEqual(
    [...marks(session({ folder: root, sync: [folder({ held: held("remote") })] }))],
    [[`${root}/data/a`, "deletedThere"]],
  );
  assert.deepEqual([...marks(session())], []);
  assert.deepEqual([...marks(undefined)], []);
});

test("only what changed is drawn again", () => {
  const before = new Map<string, Mark>([
    ["a", "conflict"],
    ["b", "conflict"],
    ["c", "deletedHere"],
  ]);
  const after = new Map<string, Mark>([
    ["b", "conflict"],
    ["c", "conflict"],
    ["d", "deletedThere"],
  ]);
  assert.deepEqual(changes(before, after), ["a", "c", "d"]);
  assert.deepEqual(changes(after, after), []);
});

test("each mark has its own words", () => {
  const kinds: Mark[] = ["conflict", "deletedHere", "deletedThere"];
  const looks = kinds.map((mark) => markLook(mark, english));
  assert.equal(new Set(looks.map(({ tooltip }) => tooltip)).size, kinds.length);
  for (const { badge } of looks) {
    assert.ok(badge.length >= 1 && badge.length <= 2, "VS Code takes no longer badge");
  }
});

test("a document's query says which version it shows, and rubbish says nothing", () => {
  const kept = keptOf(query(session({ context: "dev" }), version()));
  assert.deepEqual(kept, {
    session: "03825a12",
    context: "dev",
    namespace: "shop",
    side: "remote",
    version: "src/main.go/20261129T091400.000000000Z.conflict",
    time: Date.parse("2026-11-29T09:14:00Z"),
    bytes: 1_234,
    conflict: true,
  });
  for (const rubbish of ["", "{", "null", "[]", '"x"', JSON.stringify({ ...kept, side: 1 }), '{"session":"x"}']) {
    assert.equal(keptOf(rubbish), undefined, rubbish);
  }
  assert.equal(keptOf(query(session(), version({ time: "odd" })))?.time, 0);
});

test("versions in words", () => {
  const at = (): string => "09:14";
  const look = (more: Partial<rpc.SyncVersion>, several = false): string => {
    const { label, description, detail } = versionLook(version(more), several, at, english);
    return `${label} | ${description} | ${detail}`;
  };
  assert.equal(look({}), "09:14 | the container's · 1.2 kB | both sides had changed it, and no one has decided yet");
  assert.equal(
    look({ side: "local", reason: "replaced" }, true),
    "src/main.go | 09:14 · this computer's · 1.2 kB | the container had a newer content",
  );
  assert.equal(
    look({ reason: "deleted", target: "../x" }),
    "09:14 | the container's · link to ../x | this computer deleted it",
  );
  assert.equal(look({ reason: "of later" }), "09:14 | the container's · 1.2 kB | of later");
});

test("sizes", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 kB"],
    [12_345, "12 kB"],
    [8_400_000, "8.4 MB"],
    [5e12, "5000 GB"],
    [-1, "0 B"],
  ];
  for (const [bytes, want] of cases) {
    assert.equal(sizeOf(bytes), want);
  }
});

test("of several conflicts of a file the newest counts, and a path that leads out is none", () => {
  const newer = version({ id: "new" });
  const other = version({ path: "b" });
  assert.deepEqual(newest([newer, version({ id: "old" }), other, version({ path: "../../x" })]), [newer, other]);
  assert.equal(fileOfVersion(version({ path: "../x" })), undefined);
  assert.equal(fileOfVersion(newer), `${root}/src/main.go`);
});
