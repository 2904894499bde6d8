import * as vscode from "vscode";
import type { Connection } from "../connection/connection";
import { targetParams } from "../model/target";
import type * as rpc from "../rpc";
import { editor } from "../settings";
import { capital, plain, words } from "../text";
import { type Kept, keptOf, query, scheme } from "./kept";

/** The document of a kept version of a file. Its name is that of the file, by which VS Code knows the language. */
export function documentOf(session: rpc.Session, file: string, version: rpc.SyncVersion): vscode.Uri {
  return vscode.Uri.file(file).with({ scheme, query: query(session, version) });
}

/** Kept versions as documents that can't be written. nhctl reads them, wherever they are kept. */
export class Contents implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;
  private readonly registration: vscode.Disposable;

  constructor(private readonly connection: Connection) {
    this.registration = vscode.workspace.registerFileSystemProvider(scheme, this, {
      isCaseSensitive: true,
      isReadonly: true,
    });
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => {}); // versions don't change
  }

  stat(uri: vscode.Uri): vscode.FileStat {
    const { time, bytes } = known(uri);
    return { type: vscode.FileType.File, ctime: time, mtime: time, size: bytes };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const { session, context, namespace, side, version } = known(uri);
    const target = targetParams({ place: { context, namespace }, session }, editor());
    try {
      const { content } = await this.connection.call("dev.sync.content", {
        ...target,
        path: fileOfDocument(uri),
        side,
        version,
      });
      return Buffer.from(content ?? "", "base64");
    } catch (error) {
      throw vscode.FileSystemError.Unavailable(capital(plain(words(error))));
    }
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
}

/** The file that a document of a version is of. */
export function fileOfDocument(uri: vscode.Uri): string {
  return uri.with({ scheme: "file", query: "" }).fsPath;
}

function known(uri: vscode.Uri): Kept {
  const kept = keptOf(uri.query);
  if (!kept) {
    throw vscode.FileSystemError.FileNotFound(uri);
  }
  return kept;
}
