import assert from "node:assert/strict";
import { test } from "node:test";
import { folderOf, services } from "../../src/model/services";
import { commandLine, quoted, sessionOf, targetOf, targetParams } from "../../src/model/target";
import { around, handedOver, ofNocalhost, offered } from "../../src/debug/configurations";
import { english } from "../../src/text";
import { session } from "./samples";

const place = { context: "prod", namespace: "shop" };

test("what commands are about", () => {
  const cases: [string, unknown, object][] = [
    ["nothing", undefined, {}],
    ["a name", "deploy/web", { workload: "deploy/web" }],
    [
      "a workload of the tree",
      { kind: "workload", place, key: "deployment/web" },
      { place, workload: "deployment/web" },
    ],
    [
      "a container of the tree",
      { kind: "container", place, key: "d/w", name: "app" },
      { place, workload: "d/w", container: "app" },
    ],
    [
      "a session",
      { workload: "deployment/web", folder: "/src", context: "prod", namespace: "shop" },
      { place, workload: "deployment/web", folder: "/src" },
    ],
  ];
  for (const [name, given, want] of cases) {
    const target = Object.fromEntries(Object.entries(targetOf(given)).filter(([, value]) => value !== undefined));
    assert.deepEqual(target, want, name);
  }
});

test("a code lens names a workload and the folder of its config", () => {
  assert.deepEqual(targetOf("deployment/web", "/src"), { workload: "deployment/web", folder: "/src" });
});

test("parameters of calls", () => {
  assert.deepEqual(targetParams({}, {}), { caller: {} });
  assert.deepEqual(
    targetParams(
      { place, workload: "deployment/web", session: "s", folder: "/src" },
      { dir: "/open", kubeconfig: "/k" },
    ),
    { caller: { dir: "/src", kubeconfig: "/k", ...place }, workload: "deployment/web", session: "s" },
  );
});

test("the session of the open folders", () => {
  const inside = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
  const all = [
    session({ id: "a", folder: "/src/shop" }),
    session({ id: "b", folder: "/src/shop/web" }),
    session({ id: "c", folder: "/src/shop/web/x", mine: false }),
    session({ id: "d", folder: "/src/shop2" }),
    session({ id: "e", folder: undefined }),
  ];
  const cases: [string, string[], string | undefined][] = [
    ["the folder itself", ["/src/shop2"], "d"],
    ["the deepest one", ["/src/shop"], "b"],
    ["a folder of a synced one", ["/src/shop/api"], "a"],
    ["another's is none", ["/src/shop/web/x"], "b"],
    ["none", ["/src/bank"], undefined],
    ["no folder", [], undefined],
  ];
  for (const [name, folders, want] of cases) {
    assert.equal(sessionOf(all, folders, inside)?.id, want, name);
  }
  const both = [session({ id: "a", folder: "/shop/a" }), session({ id: "b", folder: "/shop/b" })];
  for (const [front, want] of [
    [undefined, "a"],
    ["/shop/b/main.py", "b"],
    ["/elsewhere/x", "a"],
  ] as const) {
    assert.equal(sessionOf(both, ["/shop"], inside, front)?.id, want, `the file in front is ${front}`);
  }
});

test("commands for terminals", () => {
  const line = commandLine(
    ["dev", "terminal"],
    { place: { ...place, context: "it's" }, workload: "deployment/web", session: "s" },
    "",
  );
  assert.deepEqual(line, [
    "dev",
    "terminal",
    "deployment/web",
    "--session",
    "s",
    "--context",
    "it's",
    "--namespace",
    "shop",
  ]);
  assert.equal(
    quoted(["nhctl", ...line]),
    "nhctl dev terminal deployment/web --session s --context 'it'\\''s' --namespace shop",
  );
  assert.equal(quoted(["a b", "", "$(x)"]), "'a b' '' '$(x)'");
});

test("services of configs", () => {
  const output = JSON.stringify([
    { name: "web", serviceType: "Deployment" },
    { name: "x", serviceType: "" },
    { name: 1 },
    null,
  ]);
  assert.deepEqual(services("/src/catalog", output), [
    { folder: "/src/catalog", title: "catalog", workload: "deployment/web" },
    { folder: "/src/catalog", title: "catalog", workload: "deployment/x" },
  ]);
  assert.deepEqual(services("/src", "error: no config"), []);
  assert.deepEqual(services("/src", "{}"), []);
  assert.equal(folderOf("/src/a/b/c.go", ["/src", "/src/a", "/src/a/bb"]), "/src/a");
});

test("debugging without launch.json", () => {
  const service = { folder: "/src/catalog", title: "catalog", workload: "deployment/web" };
  assert.deepEqual(
    offered(undefined, [service], english).map(({ name, request, start }) => [name, request, start]),
    [["Debug web in the cluster", "launch", true]],
  );
  assert.deepEqual(
    offered(session({ context: "prod", folder: "/src" }), [service], english).map(
      ({ request, session, context, folder }) => [request, session, context, folder],
    ),
    [
      ["launch", "03825a12", "prod", "/src"],
      ["attach", "03825a12", "prod", "/src"],
    ],
  );
  const other = { folder: "/shop/b", title: "b", workload: "deployment/b" };
  const all = offered(session({ workload: "deployment/a", folder: "/shop/a" }), [other], english);
  for (const [file, want] of [
    ["/shop/b/main.py", "deployment/b"],
    ["/shop/a/main.go", "deployment/a"],
    ["/shop/README.md", "deployment/a"],
    [undefined, "deployment/a"],
  ] as const) {
    assert.equal(around(file, all)?.workload, want, `F5 in ${file}`);
  }
  assert.deepEqual(ofNocalhost({ type: "nocalhost", request: "attach", name: "x" }), {
    type: "nhctl",
    request: "launch",
    name: "x",
  });
  assert.equal(ofNocalhost({ type: "go", request: "attach" }), undefined);
});

test("what a debug adapter hands over", () => {
  const node = { type: "node", request: "attach", name: "web", port: 9229, restart: true };
  assert.deepEqual(handedOver(node), node);
  assert.deepEqual(handedOver({ configuration: node }), node);
  assert.deepEqual(handedOver({ type: "java" }), { type: "java", request: "attach", name: "java" });
  for (const rubbish of [undefined, null, 1, {}, { type: 7 }, { ...node, type: "nhctl" }]) {
    assert.equal(handedOver(rubbish), undefined, "a loop, or rubbish");
  }
});
