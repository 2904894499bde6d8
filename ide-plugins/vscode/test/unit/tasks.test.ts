import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { definitionOf, matchers, taskLine } from "../../src/tasks/lines";
import { failedLine, place, terminalText } from "../../src/testing/results";

interface Pattern {
  regexp: string;
  file?: number;
  line?: number;
  column?: number;
  message?: number;
  severity?: number;
}
interface Manifest {
  contributes: {
    problemMatchers: { name: string; pattern: Pattern | Pattern[] }[];
    taskDefinitions: { type: string; properties: Record<string, { enum?: string[] }> }[];
    debuggers: {
      type: string;
      configurationAttributes?: Record<"launch" | "attach", { properties: Record<string, { type: string }> }>;
    }[];
  };
}
const { contributes } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;

test("a task is a command of nhctl", () => {
  const line = (definition: object, kubeconfig = ""): string =>
    taskLine({ type: "nhctl", ...definition }, kubeconfig)?.join(" ") ?? "none";
  assert.equal(line({ command: "build" }), "dev build --local-paths");
  assert.equal(
    line({ command: "build", workload: "deploy/web", container: "app", context: "c", namespace: "n" }, "/k"),
    "dev build deploy/web --container app --kubeconfig /k --context c --namespace n --local-paths",
  );
  assert.equal(line({ command: "run", workload: "web" }), "dev run web --follow --tty --local-paths");
  assert.equal(line({ command: "test", session: "s1" }), "dev test --session s1 --local-paths");
  assert.equal(line({ command: "test", args: ["go", "test", "a b"] }), "dev test --local-paths -- go test a b");
  assert.equal(line({ command: "exec", args: ["make", "-n"] }), "dev run --once --local-paths -- make -n");
  assert.equal(line({ command: "exec" }), "none");
  assert.equal(line({ command: "toString" }), "none");
  assert.equal(line({}), "none");
});

test("the definition of a task says no more than it has to", () => {
  const target = { place: { context: "dev", namespace: "" }, workload: "deployment/web", folder: "/w" };
  const common = { type: "nhctl", workload: "deployment/web", context: "dev", folder: "/w" };
  assert.deepEqual(definitionOf("test", target), { ...common, command: "test" });
  assert.deepEqual(definitionOf("build", {}), { type: "nhctl", command: "build" });
  const known = Object.keys(contributes.taskDefinitions[0]?.properties ?? {});
  const all = definitionOf("run", { ...target, container: "app", session: "s" });
  assert.deepEqual(
    Object.keys(all).filter((name) => name !== "type" && !known.includes(name)),
    [],
  );
});

/** What a matcher finds in lines, as FILE:LINE:COLUMN: MESSAGE. */
function found(name: string, ...lines: string[]): string | undefined {
  const { pattern } = contributes.problemMatchers.find((one) => one.name === `nhctl-${name}`) ?? {};
  const patterns = pattern === undefined ? [] : [pattern].flat();
  assert.equal(patterns.length, lines.length);
  const parts: Record<string, string> = {};
  for (const [i, one] of patterns.entries()) {
    const groups = new RegExp(one.regexp).exec(lines[i] ?? "");
    if (!groups) {
      return undefined;
    }
    for (const key of ["file", "line", "column", "message", "severity"] as const) {
      const at = one[key];
      if (at !== undefined && groups[at] !== undefined) {
        parts[key] = groups[at];
      }
    }
  }
  const severity = parts["severity"] ? `${parts["severity"]} ` : "";
  const where = [parts["file"], parts["line"], parts["column"]].filter(Boolean).join(":");
  return `${severity}${where} ${parts["message"]}`;
}

test("problem matchers read what compilers and tests print", () => {
  assert.equal(found("go", "./cart.go:12:5: undefined: x"), "./cart.go:12:5 undefined: x");
  assert.equal(found("go", "vet: ./cart.go:12: bad verb"), "./cart.go:12 bad verb");
  assert.equal(found("go", "/home/ada/web/cart.go:1:2: no"), "/home/ada/web/cart.go:1:2 no");
  assert.equal(found("go", "C:/web/cart.go:1:2: no"), "C:/web/cart.go:1:2 no");
  assert.equal(found("go", "ok  	shop/cart.go	0.01s"), undefined);
  assert.equal(found("go", "    cart_test.go:7: want 1"), undefined, "go-test reads that");
  assert.equal(found("go-test", "    cart_test.go:7: want 1"), "cart_test.go:7 want 1");
  assert.equal(found("go-test", "        /w/shop/cart_test.go:7: want 1"), "/w/shop/cart_test.go:7 want 1");
  assert.equal(found("python", "tests/test_cart.py:3: AssertionError"), "tests/test_cart.py:3 AssertionError");
  assert.equal(found("python", "app.py:3:1: F401 unused"), "app.py:3:1 F401 unused");
  const frame = '  File "/home/ada/web/app.py", line 3, in total';
  assert.equal(
    found("traceback", frame, "    return a / b", "ZeroDivisionError: division by zero"),
    "/home/ada/web/app.py:3 ZeroDivisionError: division by zero",
  );
  assert.equal(
    found("traceback-marked", frame, "    return a / b", "           ~~^~~", "shop.PriceError: no"),
    "/home/ada/web/app.py:3 shop.PriceError: no",
  );
  assert.equal(found("gcc", "src/a.cc:3:9: error: x"), "error src/a.cc:3:9 x");
  assert.equal(found("gcc", "src/a.c:3:9: fatal error: x"), "error src/a.c:3:9 x");
  assert.equal(found("rust", "error[E0425]: no x", "  --> src/main.rs:2:5"), "error src/main.rs:2:5 no x");
  assert.equal(found("java", "App.java:3: error: ';' expected"), "App.java:3 ';' expected");
  assert.equal(found("java", "[ERROR] /w/App.java:[12,5] no symbol"), "/w/App.java:12:5 no symbol");
});

test("the matchers of the extension's tasks are those that it declares", () => {
  assert.deepEqual([...matchers].sort(), contributes.problemMatchers.map(({ name }) => `$${name}`).sort());
});

test("debug configurations take what nhctl dap takes", () => {
  const schema = JSON.parse(readFileSync("../../schema/dap.v1.json", "utf8")) as {
    $defs: { Arguments: { properties: Record<string, { type: string; description: string }> } };
  };
  const known = Object.entries(schema.$defs.Arguments.properties);
  const ours = contributes.debuggers.find(({ type }) => type === "nhctl")?.configurationAttributes;
  const typed = (properties: Record<string, { type: string }> | undefined): string[] =>
    Object.entries(properties ?? {})
      .map(([name, { type }]) => `${name}: ${type}`)
      .sort();
  assert.deepEqual(typed(ours?.launch.properties), typed(schema.$defs.Arguments.properties));
  const forBoth = Object.fromEntries(known.filter(([, { description }]) => !description.includes("Launch only")));
  assert.deepEqual(typed(ours?.attach.properties), typed(forBoth));
});

test("a failed test is shown where it says so", () => {
  const go = "=== RUN   TestCart\n    cart_test.go:7: want 1\n--- FAIL: TestCart (0.00s)\n";
  assert.equal(failedLine(go, "/w/web/cart_test.go"), 7);
  assert.equal(failedLine("/w/tests/test_a.py:12: AssertionError", "/w/tests/test_a.py"), 12);
  assert.equal(failedLine('  File "/w/test_a.py", line 4, in test_a', "/w/test_a.py"), 4);
  assert.equal(failedLine("my_cart_test.go:7: x", "/w/cart_test.go"), undefined);
  assert.equal(failedLine("cartXtest.go:7: x", "/w/cart.test.go"), undefined);
  assert.equal(place("/w/a_test.go", 3), "/w/a_test.go:3");
  assert.equal(terminalText("a\nb\r\n"), "a\r\nb\r\n");
});
