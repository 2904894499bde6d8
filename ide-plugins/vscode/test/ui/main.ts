// Walks through the packaged extension in a real VS Code, as a person would. Scenarios of nhctl run it (nhctl/test/e2e):
// they make the cluster, the user and the folder, and hear of each step. Usage: node out/ui/main.js PLAN
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { limit, VSCode } from "../host/vscode";
import { Backstage } from "./backstage";
import { Mouse } from "./hands";
import { Screen } from "./screen";
import type { Plan } from "./around";
import { walks } from "./walks";

/** What differs in a browser: it saves by itself, speaks of ports, and has colours of its own. */
const desktop = {
  "editor.autoClosingQuotes": "never", // lines are pasted, as it were
  "editor.autoClosingBrackets": "never",
  "files.autoSave": "off",
  "remote.autoForwardPorts": false,
  "window.autoDetectColorScheme": true,
  "terminal.integrated.gpuAcceleration": "off", // which draws letters that can be read
};

/** How long a step may take: the slowest compiles in a container. */
const stepLimit = 120_000;

async function main(plan: Plan): Promise<void> {
  const walk = walks[plan.walk];
  if (!walk) {
    throw new Error(`there is no walk ${plan.walk}`);
  }
  const backstage = new Backstage();
  const user = { root: join(plan.home, "code"), workspace: plan.workspace, env: process.env };
  const code = new VSCode(plan.vscode, user);
  mkdirSync(plan.pictures, { recursive: true });
  try {
    await code.start({ ...desktop, ...plan.settings }, plan.vsix);
    const page = await code.open((page) => Screen.prepare(page));
    page.setDefaultTimeout(limit);
    const screen = new Screen(page, plan.pictures);
    const hands = new Mouse(screen);
    const step = async (name: string, run: () => Promise<void>): Promise<void> => {
      const began = Date.now();
      let late: NodeJS.Timeout | undefined;
      const limited = new Promise<never>((_, reject) => {
        late = setTimeout(() => reject(new Error(`${name}: not within ${stepLimit / 1_000} s`)), stepLimit);
      });
      try {
        await Promise.race([run(), limited]);
      } catch (error) {
        await screen.picture(`failed-${plan.walk}`);
        process.stderr.write(`failed: ${name}\n${await screen.words()}\n`);
        throw error;
      } finally {
        clearTimeout(late);
      }
      backstage.tell(name, (Date.now() - began) / 1_000);
    };
    await walk({ plan, code, screen, hands, backstage, step });
  } finally {
    backstage.close();
    await code.close();
  }
}

main(JSON.parse(process.argv[2] ?? "{}") as Plan).catch((error: Error) => {
  process.stderr.write(`error: ${error.stack ?? error.message}\n`);
  process.exitCode = 1;
});
