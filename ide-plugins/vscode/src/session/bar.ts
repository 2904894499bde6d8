import * as vscode from "vscode";
import { barText } from "../model/bar";
import type * as rpc from "../rpc";
import { literal } from "../text";

/** The item of the status bar, shown while the folder has a session. */
export class Bar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("nhctl.session", vscode.StatusBarAlignment.Left, 50);

  constructor() {
    this.item.name = vscode.l10n.t("nhctl: dev mode");
    this.item.command = "nhctl.sessionMenu";
  }

  dispose(): void {
    this.item.dispose();
  }

  show(session: rpc.Session | undefined): void {
    if (!session) {
      this.item.hide();
      return;
    }
    const { text, spoken, warning } = barText(session, vscode.l10n.t);
    this.item.text = text;
    this.item.accessibilityInformation = { label: spoken, role: "button" };
    this.item.backgroundColor = warning ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    this.item.tooltip = tooltip(session);
    this.item.show();
  }
}

function tooltip(session: rpc.Session): vscode.MarkdownString {
  const place = [session.namespace, session.context].filter(Boolean).map((part) => literal(part ?? ""));
  const save = session.sync?.find((folder) => folder.lastSave)?.lastSave;
  const lines = [
    `**${literal(session.workload)}** · ${place.join(" · ")}`,
    session.pod && vscode.l10n.t("Pod {0}", literal(session.pod)),
    session.folder && vscode.l10n.t("Folder {0}", literal(session.folder)),
    save && vscode.l10n.t("Last save {0} in {1} ms", literal(save.path), Math.round(save.seconds * 1_000)),
    ...(session.notices ?? []).map(literal),
  ];
  return new vscode.MarkdownString(lines.filter(Boolean).join("  \n"));
}
