import * as vscode from "vscode";
import { shortName } from "../model/target";
import { inside } from "../model/paths";
import type * as rpc from "../rpc";
import { settings } from "../settings";
import { label } from "../text";

/** A folder of sources: one that is open, or another one. */
export async function chooseFolder(): Promise<string | undefined> {
  const title = vscode.l10n.t("Folder with the sources");
  const other = vscode.l10n.t("Another folder…");
  const open = openFolders();
  if (open.length > 0) {
    const items = open.map(({ name, uri }) => ({ label: name, description: uri.fsPath, path: uri.fsPath }));
    const picked = await vscode.window.showQuickPick([...items, { label: other, description: "", path: "" }], {
      title,
      ignoreFocusOut: true,
    });
    if (picked?.path !== "") {
      return picked?.path;
    }
  }
  const chosen = await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, title });
  return chosen?.[0]?.fsPath;
}

/** Opens the folder of a session if none of its sources is open here. That window goes on with the session. */
export async function goOn(session: rpc.Session): Promise<void> {
  const { folder } = session;
  if (!folder || openFolders().some(({ uri }) => inside(uri.fsPath, folder) || inside(folder, uri.fsPath))) {
    return;
  }
  const how = openFolders().length === 0 ? "here" : settings.openFolder();
  if (how === "ask") {
    await offerFolder(session, folder);
  } else if (how !== "never") {
    await openFolder(folder, how === "new");
  }
}

/** Opens the folder of a session in the way that the user chooses. */
export async function offerFolder(session: rpc.Session, folder: string): Promise<void> {
  const here = vscode.l10n.t("Open Here");
  const fresh = vscode.l10n.t("Open in New Window");
  const message = vscode.l10n.t("The sources of {0} are in {1}.", label(shortName(session.workload), 60), folder);
  const picked = await vscode.window.showInformationMessage(message, here, fresh);
  if (picked) {
    await openFolder(folder, picked === fresh);
  }
}

async function openFolder(folder: string, forceNewWindow: boolean): Promise<void> {
  await vscode.commands.executeCommand("vscode.openFolder", vscode.Uri.file(folder), { forceNewWindow });
}

function openFolders(): vscode.WorkspaceFolder[] {
  return (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
}
