import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../../src/model/world";
import type * as rpc from "../../src/rpc";
import { behind } from "../../src/debug/here";
import { english } from "../../src/text";
import { curl, entries, type Entry, look } from "../../src/traffic/entries";
import { local, previewPorts } from "../../src/traffic/wanted";
import { session } from "./samples";

function route(more: Partial<rpc.Route> = {}, id = "r1"): rpc.Session {
  const own: rpc.Route = {
    service: "web",
    ports: [{ port: 80, target: 8080, local: "localhost:3000" }],
    matched: 3,
    passed: 0,
    failedOpen: 0,
    errors: 0,
    open: 0,
    ...more,
  };
  return session({ id, kind: "route", workload: "", namespace: "shop", context: "dev", route: own });
}

function tunnel(more: Partial<rpc.Tunnel> = {}): rpc.Session {
  const own: rpc.Tunnel = {
    method: "socks",
    port: 1080,
    open: 1,
    opened: 4,
    failed: 0,
    sent: 10,
    received: 20,
    ...more,
  };
  return session({ id: "t1", kind: "tunnel", workload: "", namespace: "shop", context: "dev", tunnel: own });
}

/** The rows of the view with what is written next to them, those below a row moved to the right. */
function rows(...all: rpc.Session[]): string[] {
  const world = new World();
  const items = Object.fromEntries(all.map((one) => [one.id, one]));
  world.fold({ topic: "overview" }, { call: "1", topic: "overview", snapshot: true, overview: items });
  const sessions = world.overview();
  const below = (parent: Entry | undefined, indent: string): string[] =>
    entries(parent, sessions).flatMap((entry) => {
      const { label, description } = look(entry, sessions, () => "09:14", english);
      return [`${indent}${label}: ${description ?? ""}`, ...below(entry, `${indent}  `)];
    });
  return below(undefined, "");
}

test("routes come first, with their ports and the newest request on top", () => {
  const last: rpc.RoutedRequest[] = [
    { time: "2026-12-01T09:14:00Z", method: "GET", path: "/books", status: 200 },
    { time: "2026-12-01T09:14:01Z", method: "POST", path: "/books", status: 0, failedOpen: "refused" },
  ];
  assert.deepEqual(rows(tunnel(), route({ last, failedOpen: 1 }), session()), [
    "web: exchange · 3 here, 1 answered by the originals",
    "  80: → localhost:3000",
    "  POST /books: no answer · by the originals: refused · 09:14",
    "  GET /books: 200 · 09:14",
    "shop: tunnel · socks localhost:1080 · 1 connection",
  ]);
});

test("each kind of route says what it is", () => {
  const matches = [{ of: "mark", name: "x-nhctl", value: "ada" }];
  assert.equal(rows(route({ matches, passed: 9 }))[0], "web: mesh · 3 here, 9 passed");
  assert.equal(rows(route({ mirror: true, matches, dropped: 2 }))[0], "web: mirror · 3 copied, 0 passed, 2 dropped");
  assert.equal(rows(route({ errors: 2 }))[0], "web: exchange · 3 here, 2 failed");
});

test("a front or gateway that does not answer is no success", () => {
  assert.equal(rows(route({ reason: "timeout" }))[0], "web: exchange · not connected: the originals answer");
  assert.equal(rows(tunnel({ reason: "timeout" }))[0], "shop: tunnel · socks localhost:1080 · not connected");
});

test("text of requests can't be Markdown, nor more than a line", () => {
  const last = [{ time: "2026-12-01T09:14:00Z", method: "GET", path: "/a\nb\u001b[31m", status: 200 }];
  assert.equal(rows(route({ last }))[2], "  GET /a b: 200 · 09:14");
});

test("the curl line is that of one exact header, and a value can't end its quotes", () => {
  const mesh = (...matches: rpc.Match[]): string | undefined => curl(route({ matches }));
  assert.equal(mesh({ of: "mark", name: "x-nhctl", value: "ada" }), "curl -H 'x-nhctl: ada' http://web.shop:80/");
  assert.equal(
    mesh({ of: "header", name: "x-user", value: "a'; rm -rf ~ #" }),
    "curl -H 'x-user: a'\\''; rm -rf ~ #' http://web.shop:80/",
  );
  assert.equal(mesh({ of: "header", name: "x-user", value: "^a" }), undefined);
  assert.equal(mesh({ of: "path", value: "/books" }), undefined);
  assert.equal(mesh({ of: "header", name: "a", value: "1" }, { of: "header", name: "b", value: "2" }), undefined);
  assert.equal(mesh(), undefined);
});

test("where a process listens", () => {
  for (const good of ["8080", "1", "65535", "localhost:80", "[::1]:80", "unix:/tmp/web.sock", " 80 "]) {
    assert.ok(local(good), good);
  }
  for (const bad of ["", "0", "65536", "web", ":80", "localhost:", "a b:80", "unix:", "-1", "80x"]) {
    assert.ok(!local(bad), bad);
  }
});

test("the ports of a preview", () => {
  assert.deepEqual(previewPorts("80:8080"), [{ port: "80", local: "8080" }]);
  assert.deepEqual(previewPorts("80  443:localhost:8443"), [{ port: "80" }, { port: "443", local: "localhost:8443" }]);
  for (const bad of ["", "web", "80:", "0:80", "80:70000", "80,81"]) {
    assert.equal(previewPorts(bad), undefined, bad);
  }
});

test("a launch configuration of Node runs behind a command, with its own runtime and arguments", () => {
  const node = { type: "node", request: "launch", name: "web", program: "main.js" };
  const run = ["/bin/nhctl", "run", "--"];
  assert.deepEqual(behind(run, node), { ...node, runtimeExecutable: "/bin/nhctl", runtimeArgs: ["run", "--", "node"] });
  assert.deepEqual(behind(run, { ...node, runtimeExecutable: "npm", runtimeArgs: ["run", "dev"] }), {
    ...node,
    runtimeExecutable: "/bin/nhctl",
    runtimeArgs: ["run", "--", "npm", "run", "dev"],
  });
});

test("one of Python does, with the interpreter that it names, or the folder's", () => {
  const python = { type: "debugpy", request: "launch", name: "web", program: "main.py" };
  const run = ["/bin/nhctl", "run", "--"];
  const given = (own?: unknown): unknown =>
    behind(run, { ...python, ...(own !== undefined && { python: own }) })?.["python"];
  assert.deepEqual(given(), ["/bin/nhctl", "run", "--", "${command:python.interpreterPath}"]);
  assert.deepEqual(given("/venv/bin/python"), ["/bin/nhctl", "run", "--", "/venv/bin/python"]);
  assert.deepEqual(given(["poetry", "run"]), ["/bin/nhctl", "run", "--", "poetry", "run"]);
});

test("others do not", () => {
  for (const type of ["go", "nhctl", "chrome"]) {
    assert.equal(behind(["nhctl"], { type, request: "launch", name: "x" }), undefined);
  }
  assert.equal(behind(["nhctl"], { type: "node", request: "attach", name: "x" }), undefined);
});
