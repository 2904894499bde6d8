// What waits for the user, as they see it: files in conflict, and deletions.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import type * as rpc from "../../src/rpc";
import { folder } from "../unit/samples";
import { key, type Scenario } from "./scenario";
import { type Stage, until } from "./stage";
import { limit } from "./vscode";

const status = key("status", "kind-dev", "shop", "s1");

/** The same day, when the user has to decide about two files and many deletions. */
export function undecided(day: Scenario, work: string): Scenario {
  const live = day.topics[status]?.items?.["s1"] as rpc.Session;
  const items = { s1: waiting(live, work) };
  const own = key("sessions", "", "", "all");
  return { ...day, calls: answers(work), topics: { ...day.topics, [status]: { items }, [own]: { items } } };
}

/** What nhctl answers to the calls about them. */
function answers(work: string, now = new Date()): Scenario["calls"] {
  const version = (path: string, side: string, minutes: number): rpc.SyncVersion => ({
    folder: work,
    side,
    id: `${path}/${minutes}.conflict`,
    path,
    time: new Date(now.getTime() - minutes * 60_000).toISOString(),
    reason: "conflict",
    bytes: 61,
  });
  const theirs = 'package main\n\nfunc main() {\n\tprintln("from the container")\n}\n';
  const question: rpc.Question = {
    id: "override s1",
    text: `whatever differs in the container from ${work} is replaced or deleted there`,
    choices: [{ id: "yes", title: "replace and delete in the container" }],
  };
  return {
    "dev.sync.versions": [{ result: [version("main.go", "remote", 2), version("config.yaml", "local", 5)] }],
    "dev.sync.content": [{ result: { content: Buffer.from(theirs).toString("base64") } }],
    "dev.sync.do": [{ error: { code: "confirm", message: `this needs a yes: ${question.text}`, question } }],
  };
}

/** The session as it is while the user has to decide. */
function waiting(live: rpc.Session, work: string): rpc.Session {
  const remedy = (title: string, action: string, side?: string): rpc.Remedy => ({
    title,
    method: "dev.sync.do",
    params: { session: "s1", path: side ? work : "", action, ...(side && { side }) },
  });
  const sync = folder({
    state: "held",
    conflicts: 2,
    conflictPaths: ["main.go", "config.yaml"],
    held: { side: "local", files: 40, of: 52, paths: ["data/2024.csv", "data/2025.csv"] },
    remedies: [
      remedy("delete on the other side too", "accept"),
      remedy("restore the files", "restore"),
      remedy("take this computer's content", "resolve", "local"),
      remedy("take the container's content", "resolve", "remote"),
    ],
  });
  return { ...live, sync: [sync] };
}

/** Looks at all that can be decided, and takes a picture of each. */
export async function decide(
  page: Page,
  stage: Stage,
  work: string,
  picture: (name: string) => Promise<void>,
): Promise<void> {
  mkdirSync(join(work, "data"), { recursive: true });
  writeFileSync(join(work, "data", "2026.csv"), "id,title\n");
  writeFileSync(join(work, "config.yaml"), "port: 8080\n");
  const row = (label: string): Locator => page.locator(".explorer-folders-view .monaco-list-row", { hasText: label });
  const list = (label: string): Locator => page.locator(".quick-input-widget .monaco-list-row", { hasText: label });
  const menu = async (label: string): Promise<void> => {
    await page.locator(".statusbar-item", { hasText: "deletions wait" }).click();
    await list(label).waitFor({ timeout: limit });
  };
  await row("main.go").waitFor({ timeout: limit });
  await row("main.go").locator('[aria-label*="Both sides changed this file"]').waitFor({ timeout: limit });
  await picture("marks");

  await menu("Conflicts (2)");
  await picture("waiting");
  await list("Conflicts (2)").click();
  await list("main.go").waitFor({ timeout: limit });
  await picture("conflicts");
  await list("main.go").click();
  const keep = page.locator('.editor-actions a[aria-label^="Keep Theirs"]');
  await keep.waitFor({ timeout: limit });
  await page.locator(".part.editor", { hasText: /from.the.container/ }).waitFor({ timeout: limit });
  await picture("conflict");

  await menu("Deletions (40)");
  await list("Deletions (40)").click();
  await list("Restore the files").waitFor({ timeout: limit });
  await picture("deletions");
  await page.keyboard.press("Escape");
  await menu("Override the Container");
  await list("Override the Container").click();
  await page.locator(".monaco-dialog-box", { hasText: "Replace and delete" }).waitFor({ timeout: limit });
  await picture("override");
  await page.keyboard.press("Escape");

  await keep.click();
  await until(() => stage.requests("dev.sync.do").some(({ params }) => params["side"] === "remote"));
  await page.keyboard.press("Escape"); // the fake refuses everything
}
