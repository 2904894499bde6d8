import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { test } from "node:test";
import { find } from "../../src/connection/find";
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

test("the newest of setting, PATH and extension is used", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "nhctl-find-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const place = (folder: string, version: string, mode = 0o755): string => {
    const file = join(root, folder, process.platform === "win32" ? "nhctl.exe" : "nhctl");
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(file, `#!/bin/sh\necho '{"version":"${version}"}'\n`, { mode });
    return file;
  };
  const setting = place("setting", "v0.2.0");
  const bundled = place("extension/bin", "v0.10.0");
  const places = { setting, bundle: join(root, "extension"), env: { PATH: join(root, "path") } };
  const used = async (): Promise<string | undefined> => (await find(places))?.path;
  assert.equal(await used(), bundled);
  const onPath = place("path", "v0.11.0");
  assert.equal(await used(), onPath);
  chmodSync(onPath, 0o644);
  assert.equal(await used(), bundled, "one that is no program");
  rmSync(bundled);
  assert.equal(await used(), setting);
});
