// Runs the tests in the extension host of a real VS Code. Usage: node out/host/main.js [GREP]
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { limit, VSCode } from "./vscode";

async function main(): Promise<number> {
  const home = execFileSync("test/setup/vscode.sh", { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  const code = new VSCode(home);
  const heard: string[] = [];
  const report = join(code.root, "report.txt");
  try {
    const nhctl = join(code.root, "fake", "nhctl");
    process.env["NHCTL_TEST_ROOT"] = code.root;
    process.env["NHCTL_TEST_REPORT"] = report;
    process.env["NHCTL_TEST_GREP"] = process.argv[2] ?? "";
    await code.start({ "nhctl.path": nhctl }, undefined);
    return await new Promise<number>((resolve, reject) => {
      const over = setTimeout(() => reject(new Error("the tests did not end")), 4 * limit);
      over.unref();
      const prepare = async (page: Awaited<ReturnType<VSCode["open"]>>): Promise<void> => {
        await page.exposeFunction("codeAutomationExit", resolve);
        await page.exposeFunction("codeAutomationLog", (type: string, args: unknown[]) => {
          heard.push(`${type}: ${args.join(" ")}`.slice(0, 500));
        });
      };
      const payload: [string, string][] = [
        ["extensionDevelopmentPath", code.remote(".")],
        ["extensionTestsPath", code.remote("out/host/index.js")],
      ];
      code.open(prepare, payload).catch(reject);
    });
  } finally {
    // VS Code's own words are many, and matter only where it has not come so far as to run a test.
    const said = existsSync(report) ? readFileSync(report, "utf8") : `${heard.join("\n")}\nno test has run\n`;
    process.stdout.write(said);
    await code.close();
  }
}

main().then(
  (exit) => (process.exitCode = exit),
  (error: Error) => {
    process.stderr.write(`error: ${error.stack ?? error.message}\n`);
    process.exitCode = 1;
  },
);
