import * as vscode from "vscode";
import { setContext } from "../context";
import type * as rpc from "../rpc";
import { changes, type Mark, markLook, marks } from "./marks";

/** Marks files in the explorer, in tabs and in lists that need the user. */
export class Decorations implements vscode.FileDecorationProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri[]>();
  readonly onDidChangeFileDecorations = this.changed.event;
  private readonly registration = vscode.window.registerFileDecorationProvider(this);
  private marked: ReadonlyMap<string, Mark> = new Map();

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }

  /** Goes by a session's state from now on, and returns the files that are in conflict no more. */
  show(session: rpc.Session | undefined): string[] {
    const before = this.marked;
    this.marked = new Map([...marks(session)].map(([path, mark]) => [vscode.Uri.file(path).fsPath, mark]));
    const paths = changes(before, this.marked);
    if (paths.length === 0) {
      return [];
    }
    const inConflict = [...this.marked].flatMap(([path, mark]) => (mark === "conflict" ? [path] : []));
    setContext("nhctl.conflicts", inConflict.flatMap(forms));
    // Also those that are not there: VS Code then marks the folder that they were in.
    this.changed.fire(paths.map((path) => vscode.Uri.file(path)));
    return paths.filter((path) => before.get(path) === "conflict" && this.marked.get(path) !== "conflict");
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    const mark = uri.scheme === "file" ? this.marked.get(uri.fsPath) : undefined;
    if (!mark) {
      return undefined;
    }
    const { badge, color, tooltip } = markLook(mark, vscode.l10n.t);
    return { badge, color: new vscode.ThemeColor(color), tooltip, propagate: true };
  }
}

/** A path as when-clauses may see it: on another computer, with slashes. */
export function forms(path: string): string[] {
  return [...new Set([path, vscode.Uri.file(path).path])];
}
