import { execFile } from "node:child_process";
import * as vscode from "vscode";
import { type ConfigService, services } from "./model/services";
import type { Nhctl } from "./nhctl";

const limit = { timeout: 20_000, maxBuffer: 4 * 1024 * 1024, windowsHide: true };
const configs = "**/{.dev,.nocalhost}/config.yaml";
const left = "**/{node_modules,vendor,.git,dist,build}/**";
const most = 50;

/** The services that the configs of the open folders describe, as nhctl reads them. */
export class Folders implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onChange = this.changed.event;
  private readonly watcher = vscode.workspace.createFileSystemWatcher(configs);
  private readonly disposables: vscode.Disposable[] = [this.changed, this.watcher];
  private list: readonly ConfigService[] = [];
  private reading: Promise<void> | undefined;

  constructor(private readonly nhctl: Nhctl) {
    const again = (): void => {
      this.reading = undefined;
      this.start();
    };
    this.disposables.push(
      this.watcher.onDidChange(again),
      this.watcher.onDidCreate(again),
      this.watcher.onDidDelete(again),
      vscode.workspace.onDidChangeWorkspaceFolders(again),
    );
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** The services that are known by now. */
  get services(): readonly ConfigService[] {
    return this.list;
  }

  /** Reads the configs without anyone who waits for it. */
  start(): void {
    void this.read().catch(() => {}); // a config that can't be read names no service
  }

  /** Reads the configs, once until one of them changes. */
  async read(): Promise<readonly ConfigService[]> {
    this.reading ??= this.readAll();
    await this.reading;
    return this.list;
  }

  private async readAll(): Promise<void> {
    const nhctl = await this.nhctl.path();
    if (!nhctl) {
      this.reading = undefined; // in a folder that the user does not trust, no config is rendered
      return;
    }
    const files = await vscode.workspace.findFiles(configs, left, most);
    const folders = [...new Set(files.map((file) => vscode.Uri.joinPath(file, "../..").fsPath))].sort();
    const lists = await Promise.all(folders.map(async (folder) => services(folder, await show(nhctl, folder))));
    this.list = lists.flat();
    this.changed.fire();
  }
}

async function show(nhctl: string, folder: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(nhctl, ["config", "show", "-o", "json"], { ...limit, cwd: folder }, (error, stdout) =>
      resolve(error ? "" : stdout),
    ).stdin?.end();
  });
}
