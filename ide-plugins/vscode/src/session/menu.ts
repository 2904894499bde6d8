import * as vscode from "vscode";
import { ofSession, shortName } from "../model/target";
import type * as rpc from "../rpc";
import { heldText } from "../sync/deletions";
import { label } from "../text";

interface Entry extends vscode.QuickPickItem {
  run?: () => PromiseLike<unknown>;
}

/** The menu of the status bar. */
export class SessionMenu {
  constructor(private readonly current: () => rpc.Session | undefined) {}

  async show(): Promise<void> {
    const session = this.current();
    if (!session) {
      await vscode.window.showInformationMessage(vscode.l10n.t("This folder is not in dev mode."));
      return;
    }
    const picked = await vscode.window.showQuickPick(entries(session), {
      title: vscode.l10n.t("Dev mode of {0}", label(shortName(session.workload), 60)),
      matchOnDescription: true,
    });
    await picked?.run?.();
  }
}

function entries(session: rpc.Session): Entry[] {
  const waits = waiting(session);
  const target = ofSession(session);
  return [
    ...(waits.length ? [separator(vscode.l10n.t("Waits for You")), ...waits] : []),
    separator(vscode.l10n.t("Work")),
    entry(`$(terminal) ${vscode.l10n.t("Open Terminal")}`, "nhctl.terminal", target),
    entry(`$(debug-alt) ${vscode.l10n.t("Debug")}`, "nhctl.debug", target),
    entry(`$(output) ${vscode.l10n.t("Show Logs")}`, "nhctl.logs", target),
    entry(`$(server-process) ${vscode.l10n.t("Show Pod Logs and Events")}`, "nhctl.podLogs", target),
    entry(`$(list-tree) ${vscode.l10n.t("Reveal in Workloads")}`, "nhctl.reveal"),
    separator(vscode.l10n.t("Sync")),
    ...syncing(session),
    separator(""),
    entry(`$(stop-circle) ${vscode.l10n.t("End Dev Mode")}`, "nhctl.end", target),
  ];
}

function syncing(session: rpc.Session): Entry[] {
  const paused = session.sync?.some(({ state }) => state === "paused");
  return [
    paused
      ? entry(`$(debug-continue) ${vscode.l10n.t("Resume Sync")}`, "nhctl.resumeSync")
      : entry(`$(debug-pause) ${vscode.l10n.t("Pause Sync")}`, "nhctl.pauseSync"),
    entry(`$(history) ${vscode.l10n.t("Versions of This File…")}`, "nhctl.versions"),
    entry(`$(question) ${vscode.l10n.t("Why Is This File Synced, or Not?")}`, "nhctl.explain"),
    {
      ...entry(`$(arrow-right) ${vscode.l10n.t("Override the Container…")}`, "nhctl.overrideSync"),
      description: vscode.l10n.t("this computer's files count wherever the two sides differ"),
    },
    {
      ...entry(`$(refresh) ${vscode.l10n.t("Reset Sync")}`, "nhctl.resetSync"),
      description: vscode.l10n.t("compares both sides again, as at the first start"),
    },
  ];
}

/** What waits for a decision. */
function waiting(session: rpc.Session): Entry[] {
  const folders = session.sync ?? [];
  const conflicts = folders.reduce((sum, folder) => sum + (folder.conflicts ?? 0), 0);
  const held = folders.flatMap((folder) => folder.held ?? []);
  return [
    ...(session.live ? [] : [entry(`$(plug) ${vscode.l10n.t("Connect Again")}`, "nhctl.start", ofSession(session))]),
    ...(conflicts ? [entry(`$(git-merge) ${vscode.l10n.t("Conflicts ({0})", conflicts)}…`, "nhctl.conflicts")] : []),
    ...held.map((one) => ({
      ...entry(`$(trash) ${vscode.l10n.t("Deletions ({0})", one.files)}…`, "nhctl.deletions"),
      description: heldText(one),
    })),
  ];
}

function entry(label: string, command: string, ...args: unknown[]): Entry {
  return { label, run: () => vscode.commands.executeCommand(command, ...args) };
}

function separator(text: string): Entry {
  return { label: text, kind: vscode.QuickPickItemKind.Separator };
}
