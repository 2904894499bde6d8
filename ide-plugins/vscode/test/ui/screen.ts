import assert from "node:assert/strict";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { limit } from "../host/vscode";

const tree = "#workbench\\.view\\.extension\\.nhctl";

/** Keeps the words of notifications: some are gone before a busy machine has looked. It runs in the page. */
const remember = `
  window.notified = [];
  new MutationObserver(() => {
    for (const { textContent } of document.querySelectorAll(".notification-list-item-message")) {
      if (!window.notified.includes(textContent)) window.notified.push(textContent);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true });
`;

/** What can be seen of a VS Code, and waits until it is. */
export class Screen {
  constructor(
    readonly page: Page,
    private readonly pictures: string,
  ) {}

  static async prepare(page: Page): Promise<void> {
    await page.addInitScript(remember);
  }

  /** The view of nhctl's tree. */
  get tree(): Locator {
    return this.page.locator(tree);
  }

  /** A row of nhctl's views by its label and some words that it says; of several the first. */
  row(label: string, words = ""): Locator {
    const name = this.page.locator(".label-name", { hasText: exactly(label) });
    const says = words && `[aria-label*=${JSON.stringify(words)}]`; // an empty text is in no label, as CSS has it
    return this.page.locator(`${tree} .monaco-list-row${says}`).filter({ has: name }).first();
  }

  /** Waits until a row of the tree says something. */
  async rowSays(label: string, words: string): Promise<void> {
    await this.row(label, words).waitFor({ timeout: limit });
  }

  /** The item of nhctl in the status bar. */
  status(words: string | RegExp): Locator {
    return this.page.locator(".statusbar-item[id^='nhctl.']", { hasText: words });
  }

  /** Waits until a notification has been there. */
  async notified(words: RegExp): Promise<void> {
    const found = `window.notified.some((text) => ${String(words)}.test(text))`;
    await this.page.waitForFunction(found, undefined, { timeout: limit });
  }

  dialog(words: string | RegExp): Locator {
    return this.page.locator(".monaco-dialog-box", { hasText: words });
  }

  menu(words: string): Locator {
    return this.page.locator(".monaco-menu .action-item", { hasText: words }).first();
  }

  pick(words: string | RegExp): Locator {
    return this.page.locator(".quick-input-widget .monaco-list-row", { hasText: words }).first();
  }

  /** The entry of an open list that Enter takes, by the whole of its text. */
  chosen(title: string): Locator {
    const name = this.page.locator(".label-name", { hasText: exactly(title) });
    return this.page.locator(".quick-input-widget .monaco-list-row.focused").filter({ has: name });
  }

  /** What nhctl's view says while it has no tree. */
  welcome(words: string): Locator {
    return this.page.locator(`${tree} .welcome-view-content`, { hasText: words });
  }

  /** The number of a line in the open editor. */
  lineNumber(line: number): Locator {
    return this.page.locator(".editor-instance .line-numbers", { hasText: exactly(String(line)) }).first();
  }

  /** The tab of the open editor. */
  tab(name: string): Locator {
    return this.page.locator(".tab.active", { hasText: name });
  }

  /** Waits until the open editor compares two contents. */
  async compares(left: string, right: string): Promise<void> {
    for (const [side, text] of [
      ["original", left],
      ["modified", right],
    ] as const) {
      const lines = this.page.locator(`.monaco-diff-editor .editor.${side} .view-line`, { hasText: text });
      await lines.first().waitFor({ timeout: limit });
    }
  }

  /** Waits until the program stands at a line of a file of this computer, and the editor shows it. */
  async stopsAt(file: string, line: number): Promise<void> {
    await this.tab(file).waitFor({ timeout: limit });
    await this.stands.waitFor({ timeout: limit });
    const [where, number] = await Promise.all([this.stands.boundingBox(), this.lineNumber(line).boundingBox()]);
    assert.ok(where && number && Math.abs(where.y - number.y) < 3, `it does not stand at line ${line}`);
  }

  /** The line of the open editor at which the program stands. */
  get stands(): Locator {
    return this.page.locator(".editor-instance .debug-top-stack-frame-line").first();
  }

  /** The buttons of a debug session, while there is one. */
  get debugging(): Locator {
    return this.page.locator(".debug-toolbar");
  }

  /** Waits until the debugged program runs with its breakpoints: before, it would not stop. */
  async runs(): Promise<void> {
    await this.page
      .locator('.debug-toolbar .action-item:not(.disabled) [aria-label^="Pause"]')
      .waitFor({ timeout: limit });
  }

  /** Lines of the debug console. */
  console(words: string): Locator {
    return this.page.locator(".repl-tree .monaco-list-row", { hasText: words }).first();
  }

  /** A breakpoint in the margin of the open editor. */
  get breakpoint(): Locator {
    return this.page.locator(".editor-instance .codicon-debug-breakpoint").first();
  }

  /** The sign of a test in the margin of the open editor. */
  get test(): Locator {
    return this.page.locator(".editor-instance .testing-run-glyph").first();
  }

  /** The sign of a test that has passed. */
  get passed(): Locator {
    return this.page.locator(".editor-instance .codicon-testing-passed-icon").first();
  }

  async goesOn(): Promise<void> {
    await this.page.locator(".debug-top-stack-frame-line").first().waitFor({ state: "hidden", timeout: limit });
  }

  /** The local variables, open or not. */
  get locals(): Locator {
    return this.page.locator(".debug-variables .monaco-list-row", { hasText: /^Local/ }).first();
  }

  /** A variable of the view of variables, with a value. */
  variable(name: string, value: string): Locator {
    return this.page.locator(".debug-variables .monaco-list-row", { hasText: new RegExp(`^${name}\\b.*${value}`) });
  }

  /** The lines of the open terminal. */
  terminal(words: string | RegExp): Locator {
    return this.page.locator(".terminal-wrapper.active .xterm-rows", { hasText: words });
  }

  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: join(this.pictures, `${name}.png`) });
  }

  /** What there is to read, for someone who has to find out why a walk failed. */
  async words(): Promise<string> {
    const parts = [
      tree,
      ".statusbar",
      ".notifications-toasts",
      ".monaco-dialog-box",
      ".quick-input-widget",
      ".repl-tree",
    ];
    const texts = await Promise.all(
      parts.map(async (part) => {
        const all = await this.page.locator(`${part}:visible`).allInnerTexts();
        return `${part}: ${all.join(" | ").replace(/\s+/g, " ")}`;
      }),
    );
    return texts.join("\n");
  }
}

export function exactly(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}
