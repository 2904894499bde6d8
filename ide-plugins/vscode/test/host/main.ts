// Runs the tests in the extension host of a real VS Code. Usage: node out/host/main.js [GREP]
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { running } from "./report";
import { limit, plainUser, VSCode } from "./vscode";

/** For how long no test may end. Each has limits of its own, which say what was missing. */
const silence = 3 * limit;
const tick = 500;
/** How often VS Code may try to start its extension host. */
const starts = 4;

async function main(): Promise<number> {
  const home = execFileSync("test/setup/vscode.sh", { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  const user = plainUser();
  const report = join(user.root, "report.txt");
  const env = {
    ...user.env,
    NHCTL_TEST_ROOT: user.root,
    NHCTL_TEST_REPORT: report,
    NHCTL_TEST_GREP: process.argv[2] ?? "",
  };
  const code = new VSCode(home, { ...user, env });
  const heard: string[] = [];
  let told = "";
  const tell = (): boolean => {
    const all = existsSync(report) ? readFileSync(report, "utf8") : "";
    const fresh = all.slice(told.length);
    told = all;
    process.stdout.write(fresh);
    return fresh !== "";
  };
  let looking: NodeJS.Timeout | undefined;
  try {
    const nhctl = join(code.root, "fake", "nhctl");
    await code.start({ "nhctl.path": nhctl }, undefined);
    let page: Awaited<ReturnType<VSCode["open"]>> | undefined;
    const run = async (): Promise<number> => {
      await page?.close();
      return new Promise((resolve, reject) => {
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
        code.open(prepare, payload).then((opened) => (page = opened), reject);
      });
    };
    const silent = new Promise<never>((_, reject) => {
      let quiet = 0; // counted, since a computer that sleeps is not silent
      looking = setInterval(() => {
        quiet = tell() ? 0 : quiet + tick;
        if (quiet > silence) {
          const what = `for ${silence / 60_000} minutes no test has ended`;
          reject(new Error(`${what}; the one that runs is: ${running(report)}`));
        }
      }, tick);
    });
    silent.catch(() => {}); // the race below sees it
    let exit = await Promise.race([run(), silent]);
    // VS Code gives its extension host 10 s for a handshake and 60 s to be ready, too little on a busy computer. A page
    // whose extension host did not come up has run no test; another one is opened.
    const none = (): boolean => !tell() && told === "";
    for (let again = 1; again < starts && exit !== 0 && none(); again++) {
      exit = await Promise.race([run(), silent]);
    }
    return exit;
  } finally {
    clearInterval(looking);
    tell();
    if (told === "") {
      // VS Code's own words are many, and matter only where it has not come so far as to run a test.
      process.stdout.write(`${heard.join("\n")}\nno test has run\n`);
    }
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
