import assert from "node:assert/strict";
import { test } from "node:test";
import { type Link, linkOf } from "../../src/house/link";

test("links that ask to start a workload", () => {
  const cases: [string, string, Link | undefined][] = [
    ["the workload alone", "workload=web", { workload: "web" }],
    [
      "all of it",
      "context=dev&namespace=shop&workload=deployment/web",
      { context: "dev", namespace: "shop", workload: "deployment/web" },
    ],
    ["custom kinds", "workload=rollouts.v1.argoproj.io/web", { workload: "rollouts.v1.argoproj.io/web" }],
    [
      "a context with any letters",
      "workload=web&context=arn:aws:eks:eu/dev+1 (old)=%41",
      { workload: "web", context: "arn:aws:eks:eu/dev+1 (old)=%41" },
    ],
    [
      "what else it says",
      "workload=web&image=evil:1&folder=/&mode=replace&yes=true&windowId=_blank",
      { workload: "web" },
    ],
    ["no workload", "context=dev", undefined],
    ["an empty one", "workload=", undefined],
    ["two of them", "workload=web&workload=api", undefined],
    ["a flag", "workload=--all", undefined],
    ["a path", "workload=../web", undefined],
    ["another line", "workload=web\nx", undefined],
    ["a namespace that is none", "workload=web&namespace=Shop", undefined],
    ["a context that turns the text", "workload=web&context=dev\u202e", undefined],
    ["a context with two lines", "workload=web&context=dev\nCluster: mine", undefined],
    ["a long one", `workload=${"a".repeat(300)}`, undefined],
    ["nothing", "", undefined],
  ];
  for (const [name, query, want] of cases) {
    assert.deepEqual(linkOf({ path: "/start", query }), want, name);
  }
});

test("other links do nothing", () => {
  for (const path of ["", "/", "/end", "/start/now", "/START"]) {
    assert.equal(linkOf({ path, query: "workload=web" }), undefined, path);
  }
});
