import type * as vscode from "vscode";

/** What a test can stand in for. */
type Answered = Pick<
  typeof vscode.window,
  | "showWarningMessage"
  | "showErrorMessage"
  | "showInformationMessage"
  | "showQuickPick"
  | "showInputBox"
  | "showSaveDialog"
  | "withProgress"
>;

/** A user who answers dialogs and lists, in place of functions of vscode.window. */
export class User {
  private readonly restores: (() => void)[] = [];

  constructor(private readonly window: typeof vscode.window) {}

  /** Replaces a function until `leave`. */
  stub<K extends keyof Answered>(name: K, instead: (...args: never[]) => unknown): void {
    const window = this.window as unknown as Record<string, unknown>;
    const before = window[name];
    window[name] = instead;
    this.afterwards(() => (window[name] = before));
  }

  /** Answers a message with the button of that title, and notes what was said. */
  press(name: "showWarningMessage" | "showErrorMessage" | "showInformationMessage", ...titles: string[]): string[] {
    const said: string[] = [];
    this.stub(name, (message: string, ...rest: unknown[]) => {
      said.push(message);
      const title = titles.shift();
      const is = (item: unknown): boolean => item === title || (item as { title?: string } | null)?.title === title;
      return Promise.resolve(title === undefined ? undefined : rest.find(is)); // a text has no title either
    });
    return said;
  }

  /** Picks the first entry of a list that has a text in its label, and notes what there was. */
  pick(...texts: string[]): string[][] {
    const lists: string[][] = [];
    this.stub("showQuickPick", (items: vscode.QuickPickItem[]) => {
      lists.push(items.map(({ label, detail }) => (detail ? `${label}: ${detail}` : label)));
      const text = texts.shift();
      return Promise.resolve(text === undefined ? undefined : items.find(({ label }) => label.includes(text)));
    });
    return lists;
  }

  /** Writes into one input box after the other what it takes. */
  write(...texts: string[]): void {
    this.stub("showInputBox", (box: vscode.InputBoxOptions) => {
      const text = texts.shift();
      return Promise.resolve(text === undefined || box.validateInput?.(text) ? undefined : text);
    });
  }

  /** Has something done once the test is over. */
  afterwards(restore: () => void): void {
    this.restores.push(restore);
  }

  leave(): void {
    this.restores.splice(0).forEach((restore) => restore());
  }
}
