import * as vscode from "vscode";
import { words } from "../text";
import type { Nhctl } from "../nhctl";

/** What the bundle of the language client exports. */
export type Serve = (nhctl: string, output: vscode.OutputChannel) => Promise<vscode.Disposable>;

/** The language server for configs: it is started when the first one is opened. */
export class Language implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[];
  private started: Promise<void> | undefined;

  constructor(
    private readonly nhctl: Nhctl,
    private readonly load: () => Serve,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.disposables = [vscode.workspace.onDidOpenTextDocument((document) => this.look(document))];
  }

  /** Looks at the documents that are open already. */
  start(): void {
    vscode.workspace.textDocuments.forEach((document) => this.look(document));
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  private look({ uri }: vscode.TextDocument): void {
    if (uri.scheme === "file" && /[\\/]\.(dev|nocalhost)[\\/][^\\/]+\.ya?ml$/.test(uri.fsPath)) {
      this.started ??= this.serve();
    }
  }

  private async serve(): Promise<void> {
    const nhctl = await this.nhctl.path();
    if (!nhctl) {
      this.started = undefined; // it may be there when the next one is opened
      return;
    }
    try {
      const serve = this.load();
      this.disposables.push(await serve(nhctl, this.log));
    } catch (error) {
      this.log.warn(`nhctl lsp: ${words(error)}`);
    }
  }
}
