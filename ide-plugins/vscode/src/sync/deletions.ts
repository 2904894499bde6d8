import * as vscode from "vscode";
import { below } from "../model/paths";
import type * as rpc from "../rpc";
import { capital, label } from "../text";
import { type Calls, decisions } from "./calls";
import { nameOf, say } from "./documents";
import { rootOf } from "./marks";

type Entry = vscode.QuickPickItem & { run?: () => Promise<unknown> };

/** Deletions of many files at once, which wait until the user has accepted them or restored the files. */
export class Deletions {
  constructor(private readonly calls: Calls) {}

  /** Lists what waits, with the ways out that nhctl offers. */
  async list(): Promise<void> {
    const session = await this.calls.session();
    if (!session) {
      return;
    }
    const entries = (session.sync ?? []).flatMap((folder) => this.entries(session, folder));
    if (entries.length === 0) {
      await vscode.window.showInformationMessage(vscode.l10n.t("No deletion waits for you."));
      return;
    }
    const picked = await vscode.window.showQuickPick(entries, {
      title: vscode.l10n.t("Deletions that wait"),
      placeHolder: vscode.l10n.t("Delete the files on the other side too, or restore them"),
    });
    await picked?.run?.();
  }

  private entries(session: rpc.Session, folder: rpc.SyncData): Entry[] {
    const { held } = folder;
    if (!held) {
      return [];
    }
    const root = rootOf(folder, session);
    const paths = held.paths ?? [];
    const icons: Record<string, string> = { accept: "$(trash) ", restore: "$(discard) " };
    const more = held.files - paths.length;
    return [
      separator(nameOf(root)),
      ...decisions(folder, "accept", "restore").map((decision) => ({
        label: `${icons[decision.params.action ?? ""] ?? ""}${capital(label(decision.title))}`,
        detail: heldText(held),
        run: () => this.decide(session, decision),
      })),
      separator(vscode.l10n.t("Deleted")),
      ...paths.map((path) => this.file(root, path, held.side)),
      ...(more > 0 ? [this.again(vscode.l10n.t("and {0} more", more))] : []),
    ];
  }

  private async decide(session: rpc.Session, decision: Parameters<Calls["decide"]>[1]): Promise<void> {
    const done = await this.calls.decide(session, decision);
    if (done) {
      const text =
        done.action === "restore"
          ? vscode.l10n.t("{0} files are back", done.files)
          : vscode.l10n.t("{0} files are deleted on both sides", done.files);
      say(text);
    }
  }

  /** A deleted file. One that was deleted in the container is still here, and can be looked at. */
  private file(root: string, path: string, side: string): Entry {
    const file = side === "remote" ? below(root, path) : undefined;
    const entry = this.again(`$(file) ${label(path)}`);
    return file
      ? { ...entry, run: async () => vscode.commands.executeCommand("vscode.open", vscode.Uri.file(file)) }
      : entry;
  }

  /** An entry that leads nowhere else. */
  private again(text: string): Entry {
    return { label: text, run: () => this.list() };
  }
}

/** A deletion that waits, in words. */
export function heldText({ files, of, side }: rpc.HeldData): string {
  return side === "local"
    ? vscode.l10n.t("{0} of {1} files were deleted on this computer", files, of)
    : vscode.l10n.t("{0} of {1} files were deleted in the container", files, of);
}

function separator(text: string): Entry {
  return { label: text, kind: vscode.QuickPickItemKind.Separator };
}
