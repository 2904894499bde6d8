import { limit } from "../host/vscode";
import type { Screen } from "./screen";

/** What one does by keyboard, whoever has a mouse, too. */
export class Typing {
  constructor(protected readonly screen: Screen) {}

  /** Runs a command of the palette. */
  async command(title: string): Promise<void> {
    const { page } = this.screen;
    for (const end = Date.now() + limit; ; ) {
      await this.input("F1");
      await page.keyboard.insertText(title);
      try {
        await this.screen.chosen(title).waitFor({ timeout: 10_000 });
        break;
      } catch (error) {
        if (Date.now() > end) {
          throw error;
        }
        await page.keyboard.press("Escape"); // the list does not hear of an extension that comes while it is open
      }
    }
    await page.keyboard.press("Enter");
    await page.locator(".quick-input-widget").waitFor({ state: "hidden", timeout: limit });
  }

  /** Loads the window again. VS Code keeps what is open first, which a reload of the page alone may come before. */
  async reload(): Promise<void> {
    const loaded = this.screen.page.waitForEvent("load", { timeout: limit });
    await this.command("Developer: Reload Window");
    await loaded;
  }

  /** Opens a file by its name. */
  async open(path: string): Promise<void> {
    const { page } = this.screen;
    const name = path.slice(path.lastIndexOf("/") + 1);
    await this.input("Control+p");
    await page.keyboard.insertText(path);
    await this.screen.pick(name).waitFor({ timeout: limit });
    await page.keyboard.press("Enter");
    await this.screen.tab(name).waitFor({ timeout: limit });
    await this.screen.lineNumber(1).waitFor({ timeout: limit });
  }

  /** Takes an entry of an open list. */
  async pick(entry: string): Promise<void> {
    await this.screen.pick(entry).click({ timeout: limit });
  }

  /** Presses a button in the title of the open editor. */
  async title(button: string): Promise<void> {
    const title = this.screen.page.locator(".editor-group-container.active > .title");
    await title.getByRole("button", { name: button }).click({ timeout: limit });
  }

  /** Puts the cursor into a line of the open editor. */
  async goTo(line: number): Promise<void> {
    const { page } = this.screen;
    await this.input("Control+g");
    await page.keyboard.insertText(String(line));
    await page.keyboard.press("Enter");
    await this.screen.lineNumber(line).waitFor({ timeout: limit });
  }

  /** Writes a line of the open editor again, and saves. */
  async rewrite(line: number, text: string): Promise<void> {
    const { page } = this.screen;
    await this.goTo(line);
    await page.keyboard.press("Home");
    await page.keyboard.press("Shift+End");
    await page.keyboard.press("Delete"); // a quote would go around what is selected
    await page.keyboard.insertText(text);
    await page.locator(".tab.active.dirty").waitFor({ timeout: limit });
    await page.keyboard.press("Control+s");
    await page.locator(".tab.active:not(.dirty)").waitFor({ timeout: limit });
  }

  /** Presses a key that opens a line to write into. A window that has just been loaded hears no key at first. */
  private async input(key: string): Promise<void> {
    const { page } = this.screen;
    const line = page.locator(".quick-input-widget input.input");
    for (const end = Date.now() + limit; ; ) {
      await page.keyboard.press(key);
      try {
        return await line.waitFor({ timeout: 2_000 });
      } catch (error) {
        if (Date.now() > end) {
          throw error;
        }
      }
    }
  }

  /** Waits until the shell in the terminal that has the focus takes commands. */
  async prompt(): Promise<void> {
    await this.screen.terminal(/[$#]\s*$/).waitFor({ timeout: limit });
    await this.screen.page.locator(".terminal-wrapper.active .xterm.focus").waitFor({ timeout: limit });
  }

  /** Types a line into the terminal that has the focus. */
  async type(line: string): Promise<void> {
    await this.screen.page.keyboard.type(line);
    await this.screen.page.keyboard.press("Enter");
  }
}

/** A person with a mouse. */
export class Mouse extends Typing {
  async look(): Promise<void> {
    const { page } = this.screen;
    const icon = page.locator('.activitybar a[aria-label^="nhctl"]');
    await icon.waitFor({ timeout: limit });
    await page.locator(".activitybar .action-item.checked").waitFor({ timeout: limit }); // whichever was open before
    if (!(await this.screen.tree.isVisible())) {
      await icon.click(); // another click would close the side bar
    }
  }

  async unfold(label: string, words = ""): Promise<void> {
    const row = this.screen.row(label, words);
    await row.waitFor({ timeout: limit });
    if ((await row.getAttribute("aria-expanded")) === "false") {
      await row.click();
    }
    await row.and(this.screen.page.locator('[aria-expanded="true"]')).waitFor({ timeout: limit });
  }

  async choose(label: string, entry: string, words = ""): Promise<void> {
    await this.screen.row(label, words).click({ button: "right", timeout: limit });
    const item = this.screen.menu(entry);
    for (let open = true; open; ) {
      await item.click({ timeout: limit }); // a menu that has just opened takes none
      open = await item.waitFor({ state: "hidden", timeout: 2_000 }).then(
        () => false,
        () => true,
      );
    }
  }

  /** Writes into the box that asks for something, instead of what it proposes. */
  async answer(question: string, text: string): Promise<void> {
    const { page } = this.screen;
    await page.locator(".quick-input-widget", { hasText: question }).waitFor({ timeout: limit });
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(text);
    await page.keyboard.press("Enter");
  }

  async leaveRoute(service: string): Promise<void> {
    await this.button(service, "Leave", "mesh");
  }

  async hammer(label: string): Promise<void> {
    await this.button(label, "Start Dev Mode");
  }

  async endDevMode(label: string): Promise<void> {
    await this.button(label, "End Dev Mode");
  }

  async breakpoint(line: number): Promise<void> {
    await this.goTo(line);
    const number = this.screen.lineNumber(line);
    let box = await number.boundingBox();
    for (const end = Date.now() + limit; !box && Date.now() < end; box = await number.boundingBox()) {
      await number.waitFor({ timeout: limit }); // it is drawn again while the file is understood
    }
    if (!box) {
      throw new Error(`line ${line} is not there`);
    }
    await this.screen.page.mouse.click(box.x - 10, box.y + box.height / 2); // the margin is left of the numbers
    await this.screen.breakpoint.waitFor({ timeout: limit });
  }

  async debug(): Promise<void> {
    await this.screen.page.keyboard.press("F5");
  }

  async goOn(): Promise<void> {
    await this.toolbar("Continue");
  }

  async stopDebugging(): Promise<void> {
    await this.toolbar("Stop", "Disconnect"); // from a program that the editor has not started itself
  }

  async locals(): Promise<void> {
    await this.screen.locals.waitFor({ timeout: limit });
    if ((await this.screen.locals.getAttribute("aria-expanded")) === "false") {
      await this.screen.locals.click();
    }
  }

  async press(button: string): Promise<void> {
    const { page } = this.screen;
    const place = page.locator(".notifications-toasts, .monaco-dialog-box");
    await place.locator(".monaco-button", { hasText: button }).first().click({ timeout: limit });
  }

  /** Presses a button that a row shows under the mouse. */
  private async button(label: string, title: string, words = ""): Promise<void> {
    const row = this.screen.row(label, words);
    await row.hover({ timeout: limit });
    await row.locator(`[aria-label="${title}"]`).click({ timeout: limit });
  }

  private async toolbar(...titles: string[]): Promise<void> {
    const buttons = titles.map((title) => `.debug-toolbar [aria-label^="${title}"]`);
    await this.screen.page.locator(buttons.join()).first().click({ timeout: limit });
  }
}
