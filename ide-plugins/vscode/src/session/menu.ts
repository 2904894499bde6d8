import { join } from "node:path";
import * as vscode from "vscode";
import { ofSession, shortName, targetParams } from "../model/target";
import type * as rpc from "../rpc";
import { editor } from "../settings";
import { capital, label, plain } from "../text";
import type { Work } from "../hammer/work";

interface Entry extends vscode.QuickPickItem {
  run?: () => PromiseLike<unknown>;
}

/** The menu of the status bar, and what it leads to. */
export class SessionMenu {
  constructor(
    private readonly work: Work,
    private readonly current: () => rpc.Session | undefined,
  ) {}

  async show(): Promise<void> {
    const session = this.current();
    if (!session) {
      await vscode.window.showInformationMessage(vscode.l10n.t("This folder is not in dev mode."));
      return;
    }
    const picked = await vscode.window.showQuickPick(this.entries(session), {
      title: vscode.l10n.t("Dev mode of {0}", label(shortName(session.workload), 60)),
    });
    await picked?.run?.();
  }

  async pause(): Promise<void> {
    await this.sync("pause");
  }

  async resume(): Promise<void> {
    await this.sync("resume");
  }

  /** Says why a file is synced or not, with the rule that decided. */
  async explain(uri: vscode.Uri | undefined): Promise<void> {
    const path = uri?.fsPath ?? vscode.window.activeTextEditor?.document.uri.fsPath;
    const session = this.current();
    if (!session || !path) {
      await vscode.window.showInformationMessage(vscode.l10n.t("Open a file of a folder that is in dev mode."));
      return;
    }
    const title = vscode.l10n.t("Why is this file synced?");
    const params = { ...targetParams(ofSession(session), editor()), path };
    const outcome = await this.work.quick(title, "dev.sync.explain", params);
    if (outcome.kind !== "done") {
      return;
    }
    const { text, file, line } = outcome.result;
    const rule = vscode.l10n.t("Open Rule");
    const picked = await vscode.window.showInformationMessage(capital(plain(text)), ...(file ? [rule] : []));
    if (picked === rule && file) {
      const at = new vscode.Position(Math.max(0, (line ?? 1) - 1), 0);
      await vscode.window.showTextDocument(vscode.Uri.file(file), { selection: new vscode.Range(at, at) });
    }
  }

  /** Lets the user decide the conflicts one by one. */
  async conflicts(): Promise<void> {
    const session = this.current();
    const paths = (session?.sync ?? []).flatMap((folder) =>
      (folder.conflictPaths ?? []).map((path) => ({ path, folder: folder.folder ?? session?.folder ?? "" })),
    );
    if (!session || paths.length === 0) {
      await vscode.window.showInformationMessage(vscode.l10n.t("There are no conflicts."));
      return;
    }
    const items = paths.map((one) => ({ label: label(one.path), description: label(one.folder), one }));
    const picked =
      items.length === 1
        ? items[0]
        : await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Files that both sides changed") });
    if (!picked) {
      return;
    }
    const path = join(picked.one.folder, picked.one.path);
    const sides: Entry[] = [
      {
        label: vscode.l10n.t("Keep Mine"),
        detail: vscode.l10n.t("the content on this computer"),
        run: this.resolve(path, "local"),
      },
      {
        label: vscode.l10n.t("Keep the Container's"),
        detail: vscode.l10n.t("the content in the pod"),
        run: this.resolve(path, "remote"),
      },
      { label: vscode.l10n.t("Open File"), run: () => vscode.window.showTextDocument(vscode.Uri.file(path)) },
    ];
    const side = await vscode.window.showQuickPick(sides, { title: label(picked.one.path) });
    await side?.run?.();
  }

  private resolve(path: string, side: string): () => Promise<void> {
    return () => this.sync("resolve", { path, side });
  }

  private async sync(action: rpc.SyncAction, more: Partial<rpc.SyncDo> = {}): Promise<void> {
    const session = this.current();
    if (session) {
      const params = { ...targetParams(ofSession(session), editor()), action, ...more };
      await this.work.quick(vscode.l10n.t("Sync of {0}", shortName(session.workload)), "dev.sync.do", params);
    }
  }

  private entries(session: rpc.Session): Entry[] {
    const waits = this.waiting(session);
    const folders = session.sync ?? [];
    const paused = folders.some((folder) => folder.state === "paused");
    const run =
      (command: string, ...args: unknown[]): Entry["run"] =>
      () =>
        vscode.commands.executeCommand(command, ...args);
    const target = ofSession(session);
    return [
      ...(waits.length ? [separator(vscode.l10n.t("Waits for You")), ...waits] : []),
      separator(vscode.l10n.t("Work")),
      { label: `$(terminal) ${vscode.l10n.t("Open Terminal")}`, run: run("nhctl.terminal", target) },
      { label: `$(debug-alt) ${vscode.l10n.t("Debug")}`, run: run("nhctl.debug", target) },
      { label: `$(output) ${vscode.l10n.t("Show Logs")}`, run: run("nhctl.logs", target) },
      { label: `$(list-tree) ${vscode.l10n.t("Reveal in Workloads")}`, run: run("nhctl.reveal") },
      separator(vscode.l10n.t("Sync")),
      paused
        ? { label: `$(debug-continue) ${vscode.l10n.t("Resume Sync")}`, run: () => this.resume() }
        : { label: `$(debug-pause) ${vscode.l10n.t("Pause Sync")}`, run: () => this.pause() },
      { label: `$(question) ${vscode.l10n.t("Why Is This File Synced, or Not?")}`, run: () => this.explain(undefined) },
      separator(""),
      { label: `$(stop-circle) ${vscode.l10n.t("End Dev Mode")}`, run: run("nhctl.end", target) },
    ];
  }

  /** What waits for a decision: conflicts one by one, the rest as nhctl offers it. */
  private waiting(session: rpc.Session): Entry[] {
    const entries: Entry[] = [];
    if (!session.live) {
      entries.push({
        label: `$(plug) ${vscode.l10n.t("Connect Again")}`,
        run: () => vscode.commands.executeCommand("nhctl.start", ofSession(session)),
      });
    }
    for (const folder of session.sync ?? []) {
      if (folder.conflicts) {
        const label = `$(git-merge) ${vscode.l10n.t("Conflicts ({0})", folder.conflicts)}…`;
        entries.push({ label, run: () => this.conflicts() });
      }
      if (folder.held) {
        const { files, of, side } = folder.held;
        const detail =
          side === "local"
            ? vscode.l10n.t("{0} of {1} files were deleted on this computer", files, of)
            : vscode.l10n.t("{0} of {1} files were deleted in the container", files, of);
        for (const remedy of this.remediesOf(folder, ["accept", "restore"])) {
          entries.push({
            label: `$(trash) ${capital(label(remedy.title))}`,
            detail,
            run: this.remedy(session, remedy),
          });
        }
      }
    }
    return entries;
  }

  private remediesOf(folder: rpc.SyncData, actions: readonly string[]): rpc.Remedy[] {
    return (folder.remedies ?? []).filter(({ method, params }) => {
      const action = (params as { action?: unknown } | undefined)?.action;
      return method === "dev.sync.do" && typeof action === "string" && actions.includes(action);
    });
  }

  /** The call of a remedy that belongs to no error: it lacks the caller alone. */
  private remedy(session: rpc.Session, remedy: rpc.Remedy): () => Promise<unknown> {
    const { caller } = targetParams(ofSession(session), editor());
    const params = { caller, ...(remedy.params as object) } as rpc.Params<rpc.SyncDo>;
    return () => this.work.quick(capital(label(remedy.title)), "dev.sync.do", params);
  }
}

function separator(text: string): Entry {
  return { label: text, kind: vscode.QuickPickItemKind.Separator };
}
