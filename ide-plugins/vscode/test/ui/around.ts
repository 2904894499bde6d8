import { limit, type VSCode } from "../host/vscode";
import type { Backstage } from "./backstage";
import type { Program } from "./develop";
import type { Mouse } from "./hands";
import type { Screen } from "./screen";

/** What a scenario wants. */
export interface Plan {
  walk: string;
  /** The folder of the VS Code that test/setup/vscode.sh has made. */
  vscode: string;
  vsix: string;
  nhctl: string;
  home: string;
  workspace: string;
  pictures: string;
  namespace: string;
  /** What is developed, if that is what the walk does. */
  program?: Program;
  /** Settings of VS Code. */
  settings?: Record<string, unknown>;
}

/** What a walk has. */
export interface Around {
  plan: Plan;
  code: VSCode;
  screen: Screen;
  hands: Mouse;
  backstage: Backstage;
  step: (name: string, run: () => Promise<void>) => Promise<void>;
}

export async function openNamespace({ hands, plan }: Around): Promise<void> {
  await hands.look();
  await hands.unfold("test");
  await hands.unfold(plan.namespace);
}

/** Starts dev mode, and waits until it is in sync. */
export async function enter({ screen, hands }: Around, workload: string): Promise<void> {
  await hands.hammer(workload);
  await screen.notified(new RegExp(`Dev mode of ${workload}: .+`));
  await inSync(screen, workload);
}

export async function inSync(screen: Screen, workload: string): Promise<void> {
  await screen.rowSays(workload, "in dev mode");
  await syncs(screen, workload);
}

/** Waits until the status bar says that the sources are in sync. */
export async function syncs(screen: Screen, workload: string): Promise<void> {
  await screen.status(new RegExp(`${workload} · (in sync|\\d+ ms)`)).waitFor();
}

export async function leave({ screen, hands }: Around, workload: string): Promise<void> {
  await hands.look();
  await hands.endDevMode(workload);
  await screen.rowSays(workload, "1 replica");
  await screen.status("").waitFor({ state: "hidden" });
}

/** Waits until an answer has some words, which may take as long as a program needs to come up. */
export async function eventually(words: string, answer: () => Promise<string>): Promise<void> {
  let last = "";
  for (const end = Date.now() + limit; Date.now() < end; ) {
    last = await answer().catch((error: Error) => error.message);
    if (last.includes(words)) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error(`the answer is ${last}, without ${words}`);
}
