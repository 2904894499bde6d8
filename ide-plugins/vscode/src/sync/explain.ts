import * as vscode from "vscode";
import { ofSession, targetParams } from "../model/target";
import { editor } from "../settings";
import { plain } from "../text";
import type { Calls } from "./calls";
import { fileOf, nameOf } from "./documents";

/** Says why a file is synced or not, with the rule that decided. */
export async function explain(calls: Calls, argument: unknown): Promise<void> {
  const session = await calls.session();
  const path = session && (fileOf(argument) ?? (await choose(session.folder)));
  if (!session || !path) {
    return;
  }
  const title = vscode.l10n.t("Why is this file synced?");
  const params = { ...targetParams(ofSession(session), editor()), path };
  const outcome = await calls.work.quick(title, "dev.sync.explain", params);
  if (outcome.kind !== "done") {
    return;
  }
  const { text, source, line } = outcome.result;
  const rule = vscode.l10n.t("Open Rule");
  const message = `${nameOf(path)}: ${plain(text)}`;
  const picked = await vscode.window.showInformationMessage(message, ...(source ? [rule] : []));
  if (picked === rule && source) {
    const at = new vscode.Position(Math.max(0, (line ?? 1) - 1), 0);
    await vscode.window.showTextDocument(vscode.Uri.file(source), { selection: new vscode.Range(at, at) });
  }
}

/** Lets the user choose a file where no editor has one. */
async function choose(folder: string | undefined): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: vscode.l10n.t("Why Is This File Synced, or Not?"),
    canSelectFolders: true,
    canSelectFiles: true,
    ...(folder && { defaultUri: vscode.Uri.file(folder) }),
  });
  return chosen?.[0]?.fsPath;
}
