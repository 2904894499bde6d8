import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { Pauses } from "../../src/connection/pauses";
import { type Found, newest, onPath, versionOf } from "../../src/connection/program";

const found = (origin: Found["origin"], version: string, built = 0): Found => ({
  path: `/${origin}`,
  origin,
  version,
  built,
});

test("the newest nhctl wins", () => {
  const cases: [string, Found[], Found["origin"] | undefined][] = [
    ["none", [], undefined],
    ["by release", [found("setting", "v0.1.0"), found("path", "v0.2.0"), found("bundled", "v0.1.9")], "path"],
    ["numbers, not letters", [found("path", "v0.9.0"), found("bundled", "v0.10.0")], "bundled"],
    ["the first of equal ones", [found("setting", "v0.1.0", 1), found("path", "v0.1.0", 2)], "setting"],
    ["of one release the later file", [found("path", "v0.1.0+aa", 1), found("bundled", "v0.1.0+bb", 2)], "bundled"],
    ["a development build", [found("path", "v9.0.0"), found("setting", "devel")], "setting"],
    ["rubbish is the oldest", [found("path", "x"), found("bundled", "v0.0.1")], "bundled"],
  ];
  for (const [name, list, want] of cases) {
    assert.equal(newest(list)?.origin, want, name);
  }
});

test("the version in what nhctl prints", () => {
  assert.equal(versionOf('{"version":"v0.1.0+3f2a","go":"go1.26"}'), "v0.1.0+3f2a");
  for (const rubbish of ["", "nhctl v0.1.0", "null", "[]", '{"version":1}', '{"version":""}']) {
    assert.equal(versionOf(rubbish), undefined, rubbish);
  }
});

test("PATH leads to files", () => {
  assert.deepEqual(
    onPath("nhctl", "/a:.:/b::/a", ":", (...parts) => posix.join(...parts)),
    ["/a/nhctl", "/b/nhctl"],
  );
});

test("pauses grow, and a program that ends at once is given up", () => {
  const pauses = new Pauses();
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map(() => pauses.next(10)),
    [250, 500, 1_000, 2_000, 5_000, undefined],
  );
  pauses.reset();
  assert.equal(pauses.next(10), 250);
  assert.equal(pauses.next(10), 500);
  assert.equal(pauses.next(3_600_000), 250, "one that ran for an hour is in no loop");
});
