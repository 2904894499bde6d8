import { relative } from "node:path";
import * as vscode from "vscode";
import type { Connection } from "../connection/connection";
import type { Folders } from "../folders";
import { folderOf } from "../model/services";
import type * as rpc from "../rpc";

/** Files that may have tests; nhctl says which of them have some. */
const files = "**/{*_test.go,test*.py,*_test.py}";
const left = "**/{node_modules,vendor,.git,.venv,venv,dist,build}/**";
const most = 2_000;
/** How long after a change of its text a file is looked at. */
const pause = 300;

/** Finds the tests of the open folders. nhctl reads the files, the editor has their text. */
export class Finder implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private watched = false;

  constructor(
    private readonly controller: vscode.TestController,
    private readonly connection: Connection,
    private readonly folders: Folders,
    private readonly current: () => rpc.Session | undefined,
  ) {
    controller.resolveHandler = (item) => (item ? this.look(item) : this.all());
    controller.refreshHandler = () => this.all();
    this.disposables.push(
      vscode.workspace.onDidOpenTextDocument((document) => this.note(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.note(document)),
    );
  }

  dispose(): void {
    this.timers.forEach(clearTimeout);
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** Looks at the files that are open already. */
  start(): void {
    vscode.workspace.textDocuments.forEach((document) => this.note(document));
  }

  /** The folder with the config that a file belongs to. */
  folder(uri: vscode.Uri): string | undefined {
    const configured = this.folders.services.map(({ folder }) => folder);
    const session = this.current()?.folder;
    return uri.scheme === "file" ? folderOf(uri.fsPath, session ? [session, ...configured] : configured) : undefined;
  }

  private note({ uri }: vscode.TextDocument): void {
    if (!/(_test\.go|[\\/]test[^\\/]*\.py|_test\.py)$/.test(uri.fsPath)) {
      return;
    }
    const key = uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => {
        this.timers.delete(key);
        void this.add(uri); // a file that can't be read has no tests
      }, pause),
    );
  }

  /** Shows all files with tests, and those that come and go from now on. */
  private async all(): Promise<void> {
    await this.folders.read();
    const found = await vscode.workspace.findFiles(files, left, most);
    const gone = new Set([...this.controller.items].map(([id]) => id));
    for (const uri of found) {
      if (this.folder(uri)) {
        gone.delete(uri.toString());
        this.item(uri);
      }
    }
    gone.forEach((id) => this.controller.items.delete(id));
    if (!this.watched) {
      this.watched = true;
      const watcher = vscode.workspace.createFileSystemWatcher(files, false, true);
      this.disposables.push(
        watcher,
        watcher.onDidCreate((uri) => this.folder(uri) && this.item(uri)),
        watcher.onDidDelete((uri) => this.controller.items.delete(uri.toString())),
      );
    }
  }

  private async add(uri: vscode.Uri): Promise<void> {
    await this.folders.read();
    if (this.folder(uri)) {
      await this.look(this.item(uri));
    }
  }

  private item(uri: vscode.Uri): vscode.TestItem {
    const id = uri.toString();
    const known = this.controller.items.get(id);
    if (known) {
      return known;
    }
    const item = this.controller.createTestItem(id, relative(this.folder(uri) ?? "", uri.fsPath), uri);
    item.canResolveChildren = true;
    this.controller.items.add(item);
    return item;
  }

  /** Finds the tests of a file. */
  private async look(file: vscode.TestItem): Promise<void> {
    if (!file.uri || file.parent) {
      return;
    }
    try {
      const document = await vscode.workspace.openTextDocument(file.uri);
      const params = { file: file.uri.fsPath, text: document.getText() };
      const tests = await this.connection.call("dev.tests", params);
      file.error = undefined;
      file.children.replace((tests ?? []).map((test) => this.test(file, test)));
    } catch (error) {
      file.error = error instanceof Error ? error.message : String(error);
    }
  }

  private test(file: vscode.TestItem, { name, line, end }: rpc.TestCase): vscode.TestItem {
    const id = `${file.id}#${name}`;
    const item = file.children.get(id) ?? this.controller.createTestItem(id, name, file.uri);
    item.range = new vscode.Range(line - 1, 0, end - 1, 0);
    return item;
  }
}
