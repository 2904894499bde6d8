import * as vscode from "vscode";
import { same } from "../model/paths";
import type { Clockwork } from "../model/state";
import type * as rpc from "../rpc";
import type { Calls } from "./calls";
import { documentOf } from "./content";
import { active, compare, fileOf, nameOf, saved, say, type Shown } from "./documents";
import { fileOfVersion, versionLook } from "./kept";

/** What sync kept of files: the user compares a version with its file, and restores it. */
export class Versions {
  constructor(
    private readonly calls: Calls,
    private readonly at: Clockwork,
  ) {}

  /** Lists the versions of a file, of all below a folder, or of all. */
  async list(argument: unknown): Promise<void> {
    const session = await this.calls.session();
    const path = fileOf(argument);
    const versions = session && (await this.calls.versions(session, path ? { path } : {}));
    if (!session || !versions) {
      return;
    }
    if (versions.length === 0) {
      await vscode.window.showInformationMessage(
        path
          ? vscode.l10n.t("Sync has overwritten and deleted nothing of {0}.", nameOf(path))
          : vscode.l10n.t("Sync has overwritten and deleted nothing of yours."),
      );
      return;
    }
    const several = !path || versions.some((version) => !same(fileOfVersion(version) ?? "", path));
    const items = versions.map((version) => {
      const look = versionLook(version, several, this.at, vscode.l10n.t);
      return { ...look, label: `$(history) ${look.label}`, version };
    });
    const picked = await vscode.window.showQuickPick(items, {
      title: path ? vscode.l10n.t("Versions of {0}", nameOf(path)) : vscode.l10n.t("Kept versions"),
      placeHolder: vscode.l10n.t("Compare a version with the file as it is now"),
      matchOnDescription: true,
      matchOnDetail: true,
    });
    if (picked) {
      await this.show(session, picked.version);
    }
  }

  /** Restores the version that the active tab shows. The present content is kept in turn. */
  async restore(): Promise<void> {
    const one = active();
    if (!one) {
      await vscode.window.showInformationMessage(vscode.l10n.t("Open one of the file's versions first."));
      return;
    }
    const { side, version, context, namespace, session, time } = one.kept;
    if (!(await saved(one.file))) {
      return;
    }
    const target = { place: { context, namespace }, session };
    if (await this.calls.doFor(target, { action: "restore", path: one.file, side, version })) {
      await this.leave(one);
      say(vscode.l10n.t("{0} is as it was at {1}", nameOf(one.file), this.at(new Date(time))));
    }
  }

  /** Shows the file instead of its version. */
  private async leave({ tab, file }: Shown): Promise<void> {
    if (!tab.isDirty) {
      await vscode.window.tabGroups.close(tab);
    }
    await vscode.commands.executeCommand("vscode.open", vscode.Uri.file(file));
  }

  private async show(session: rpc.Session, version: rpc.SyncVersion): Promise<void> {
    const file = fileOfVersion(version);
    if (!file) {
      return;
    }
    if (version.target === undefined) {
      const when = this.at(new Date(version.time));
      await compare(documentOf(session, file, version), vscode.l10n.t("{0}: {1} ↔ now", nameOf(file), when));
      return;
    }
    const restore = vscode.l10n.t("Restore");
    const { label, description, detail } = versionLook(version, true, this.at, vscode.l10n.t);
    const picked = await vscode.window.showInformationMessage(`${label} · ${description}: ${detail}`, restore);
    if (picked === restore) {
      await this.calls.do("restore", { path: file, side: version.side, version: version.id });
    }
  }
}
