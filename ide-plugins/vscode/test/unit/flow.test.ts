import assert from "node:assert/strict";
import { test } from "node:test";
import type { Method } from "../../src/connection/bridge";
import { Cancelled, failure, Problem } from "../../src/connection/problem";
import { ResponseError } from "../../src/connection/jsonrpc";
import { type Caller, converse, type Desk, steps } from "../../src/hammer/flow";
import type * as rpc from "../../src/rpc";
import { folder, session } from "./samples";

type Made = [Method, object];

/** Calls that fail with these problems, one after the other, and then succeed. */
function failing(...problems: (Error | rpc.Error)[]): { call: Caller; made: Made[] } {
  const made: Made[] = [];
  const call = (method: Method, params: object): Promise<unknown> => {
    made.push([method, params]);
    const next = problems.shift();
    return next ? Promise.reject(next instanceof Error ? next : new Problem(next)) : Promise.resolve(session());
  };
  return { call: call as Caller, made };
}

function desk(answers: Partial<Desk> = {}): Desk & { shown: string[] } {
  const shown: string[] = [];
  return {
    shown,
    decide: async (question, problem) => {
      shown.push(question.text);
      return answers.decide?.(question, problem);
    },
    offer: async (problem) => {
      shown.push(problem.message);
      return answers.offer?.(problem);
    },
    open: async (link) => void shown.push(link),
    run: async (title, command) => {
      shown.push([title, ...command].join(" "));
      return answers.run ? answers.run(title, command) : true;
    },
  };
}

const question = (id: string, ...choices: string[]): rpc.Error => ({
  code: "confirm",
  message: `${id}: confirm`,
  question: { id, text: `${id}?`, choices: choices.map((choice) => ({ id: choice, title: choice })) },
});
const refused: rpc.Error = {
  code: "refused",
  message: "the claim would be lost",
  remedies: [
    { title: "work on a copy", params: { mode: "duplicate" } },
    { title: "end it", method: "dev.end", params: { session: "x" } },
    { title: "read more", link: "https://example.com/claims" },
  ],
};

test("a call that succeeds asks nothing", async () => {
  const { call, made } = failing();
  const ui = desk();
  assert.deepEqual(await converse(call, ui, "dev.start", { workload: "web" }), { kind: "done", result: session() });
  assert.deepEqual([made, ui.shown], [[["dev.start", { workload: "web" }]], []]);
});

test("answers are collected, and the call is repeated with all of them", async () => {
  const { call, made } = failing(question("one", "yes"), question("two", "wait", "take-over"));
  const ui = desk({ decide: async (asked) => ({ choice: asked.id === "one" ? "yes" : "take-over" }) });
  const outcome = await converse(call, ui, "dev.start", { workload: "web", answers: { zero: "yes" } });
  assert.equal(outcome.kind, "done");
  assert.deepEqual(ui.shown, ["one?", "two?"]);
  assert.deepEqual(made.at(-1), [
    "dev.start",
    { workload: "web", answers: { zero: "yes", one: "yes", two: "take-over" } },
  ]);
});

test("whoever answers nothing leaves", async () => {
  const { call, made } = failing(question("one", "yes"));
  assert.deepEqual(await converse(call, desk(), "dev.start", {}), { kind: "left" });
  assert.equal(made.length, 1);
});

test("a remedy lies over the call that failed", async () => {
  const { call, made } = failing(refused);
  const ui = desk({ offer: async ({ remedies }) => remedies?.[0] });
  const outcome = await converse(call, ui, "dev.start", { workload: "web", image: "dev:1" });
  assert.equal(outcome.kind, "done");
  assert.deepEqual(made.at(-1), ["dev.start", { workload: "web", image: "dev:1", mode: "duplicate" }]);
});

test("a remedy may be another call, of which problems are shown too", async () => {
  const { call, made } = failing(refused, question("sure", "yes"));
  const ui = desk({ offer: async ({ remedies }) => remedies?.[1], decide: async () => ({ choice: "yes" }) });
  const outcome = await converse(call, ui, "dev.start", { workload: "web" });
  assert.deepEqual(outcome, { kind: "remedied", method: "dev.end", result: session() });
  assert.deepEqual(made.at(-1), ["dev.end", { workload: "web", session: "x", answers: { sure: "yes" } }]);
});

test("a remedy that stands next to a question", async () => {
  const { call, made } = failing({ ...question("held", "wait"), remedies: refused.remedies });
  const ui = desk({ decide: async (_, { remedies }) => remedies?.[0] && { remedy: remedies[0] } });
  await converse(call, ui, "dev.start", {});
  assert.deepEqual(made.at(-1), ["dev.start", { mode: "duplicate" }]);
});

test("a link is opened, and nothing is called again", async () => {
  const { call, made } = failing(refused);
  const ui = desk({ offer: async ({ remedies }) => remedies?.[2] });
  assert.deepEqual(await converse(call, ui, "dev.start", {}), { kind: "left" });
  assert.deepEqual([ui.shown, made.length], [["the claim would be lost", "https://example.com/claims"], 1]);
});

test("a command is run, and the call is repeated once it has ended well", async () => {
  const expired: rpc.Error = {
    code: "unauthorized",
    message: "sign in",
    remedies: [{ title: "sign in", command: ["kubectl", "auth", "whoami"] }],
  };
  const offer: Desk["offer"] = async ({ remedies }) => remedies?.[0];
  for (const [well, kind, times] of [
    [true, "done", 2],
    [false, "left", 1],
  ] as const) {
    const { call, made } = failing(expired);
    const ui = desk({ offer, run: async () => well });
    const outcome = await converse(call, ui, "dev.start", { workload: "web" });
    assert.deepEqual([outcome.kind, made.length], [kind, times]);
    assert.deepEqual(ui.shown, ["sign in", "sign in kubectl auth whoami"]);
    assert.ok(made.every(([, params]) => JSON.stringify(params) === '{"workload":"web"}'));
  }
});

test("a problem is shown once, a cancelled call is none", async () => {
  const ui = desk();
  await converse(failing(new Error("broken")).call, ui, "dev.start", {});
  await converse(failing(new Cancelled()).call, ui, "dev.start", {});
  assert.deepEqual(ui.shown, ["broken"]);
});

test("questions without an end have one", async () => {
  const { call, made } = failing(...Array.from({ length: 50 }, (_, i) => question(`q${i}`, "yes")));
  const outcome = await converse(call, desk({ decide: async () => ({ choice: "yes" }) }), "dev.start", {});
  assert.deepEqual([outcome.kind, made.length], ["left", 20]);
});

test("failures of calls, as problems", () => {
  const data: rpc.Error = { code: "held", message: "bob has it" };
  const cases: [string, unknown, rpc.Error | undefined][] = [
    ["a problem", new ResponseError(-32000, "bob has it", data), data],
    ["cancelled", new ResponseError(-32800, "cancelled"), undefined],
    ["interrupted", new ResponseError(-32000, "x", { code: "interrupted", message: "x" }), undefined],
    ["without data", new ResponseError(-32602, "bad params"), { code: "internal", message: "bad params" }],
    ["rubbish as data", new ResponseError(-32000, "odd", { code: 7 }), { code: "internal", message: "odd" }],
    ["a text", "odd", { code: "internal", message: "odd" }],
  ];
  for (const [name, thrown, want] of cases) {
    const why = failure(thrown);
    assert.deepEqual(why instanceof Problem ? why.data : undefined, want, name);
  }
});

test("steps are told as they begin", () => {
  const lines: string[] = [];
  const tell = steps((line) => lines.push(line));
  const event = (more: Partial<rpc.Event>): void => tell({ v: 1, time: "", type: "step", ...more });
  event({ step: { name: "create the twin", state: "started" } });
  event({ step: { name: "create the twin", state: "done" } });
  event({ step: { name: "wait for the dev pod", state: "waiting", detail: "pulling dev:1" } });
  event({ type: "notice", message: "the original goes first" });
  event({ type: "log", log: { stream: "stdout", text: "x", time: "" } });
  for (const filesToGo of [5, 5, 3, 3, 0]) {
    event({ type: "sync.state", sync: folder({ files: 5, filesToGo }) });
  }
  event({ step: { name: "create the twin", state: "undone" } });
  assert.deepEqual(lines, [
    "create the twin",
    "wait for the dev pod: pulling dev:1",
    "the original goes first",
    "0/5",
    "2/5",
    "create the twin: undone",
  ]);
});
