// The entry of the tests in the extension host: VS Code calls run.
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type Mocha from "mocha";
import { begin, tell } from "./report";

export async function run(): Promise<void> {
  const load = createRequire(join(__dirname, "../../package.json"));
  const mocha = new (load("mocha") as typeof Mocha)({ ui: "bdd", timeout: 300_000, reporter: "min" });
  const grep = process.env["NHCTL_TEST_GREP"];
  if (grep) {
    mocha.grep(grep);
  }
  for (const name of readdirSync(__dirname).sort()) {
    if (name.endsWith(".test.js")) {
      mocha.addFile(join(__dirname, name));
    }
  }
  await new Promise<void>((resolve, reject) => {
    const runner = mocha.run((failures) => (failures > 0 ? reject(new Error(`${failures} failed`)) : resolve()));
    let passed = 0;
    runner.on("test", (test) => begin(test.fullTitle()));
    runner.on("pass", (test) => tell(`ok ${++passed} - ${test.title} (${test.duration ?? 0} ms)`));
    runner.on("fail", (test, error: Error) => tell(`not ok - ${test.title}\n${error.stack ?? error.message}`));
    runner.on("end", () => tell(`${passed} passed, ${runner.failures} failed`));
  });
}
