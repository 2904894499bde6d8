import * as vscode from "vscode";
import { fullText, Told } from "../model/full";
import type * as rpc from "../rpc";

/** Warns of full disks, of each once. */
export class FullDisks {
  private readonly told = new Told();

  show(session: rpc.Session | undefined): void {
    for (const full of session ? this.told.fresh(session) : []) {
      void this.warn(full);
    }
  }

  private async warn(full: rpc.FullData): Promise<void> {
    const terminal = vscode.l10n.t("Open Terminal");
    const buttons = full.side === "local" ? [] : [terminal];
    const picked = await vscode.window.showWarningMessage(fullText(full, vscode.l10n.t), ...buttons);
    if (picked === terminal) {
      await vscode.commands.executeCommand("nhctl.terminal");
    }
  }
}
