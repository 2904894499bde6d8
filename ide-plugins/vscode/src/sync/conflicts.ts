import * as vscode from "vscode";
import type { Connection } from "../connection/connection";
import { same } from "../model/paths";
import type { Clockwork } from "../model/state";
import { ofSession, targetParams } from "../model/target";
import type * as rpc from "../rpc";
import { editor } from "../settings";
import { capital, label } from "../text";
import { type Calls, decisions } from "./calls";
import { documentOf } from "./content";
import { compare, fileOf, nameOf, saved, say, shown } from "./documents";
import { fileOfVersion, newest } from "./kept";
import { rootOf } from "./marks";

type Entry = vscode.QuickPickItem & { run?: () => Promise<unknown> };

/** Files that both sides changed: the user compares the two contents, and decides which one counts. */
export class Conflicts {
  constructor(
    private readonly calls: Calls,
    private readonly connection: Connection,
    private readonly at: Clockwork,
  ) {}

  /** Lists them. A single one is opened at once. */
  async list(): Promise<void> {
    const session = await this.calls.session();
    const versions = session && (await this.calls.versions(session, { conflicts: true }));
    if (!session || !versions) {
      return;
    }
    const open = newest(versions);
    const [only] = open;
    if (!only) {
      await vscode.window.showInformationMessage(vscode.l10n.t("There are no conflicts."));
    } else if (open.length === 1) {
      await this.show(session, only);
    } else {
      const title = vscode.l10n.t("Files that both sides changed");
      const entries = [...open.map((version) => this.entry(session, version)), ...this.allAtOnce(session)];
      const picked = await vscode.window.showQuickPick(entries, {
        title,
        placeHolder: vscode.l10n.t("Compare a file's two contents, or decide about all"),
        matchOnDescription: true,
      });
      await picked?.run?.();
    }
  }

  /** Compares the two contents of one file. */
  async compare(argument: unknown): Promise<void> {
    const session = await this.calls.session();
    const path = fileOf(argument);
    const versions = session && path && (await this.calls.versions(session, { conflicts: true, path }));
    if (!session || !path || !versions) {
      return;
    }
    const version = newest(versions).find((one) => same(fileOfVersion(one) ?? "", path));
    if (version) {
      await this.show(session, version);
    } else {
      await vscode.window.showInformationMessage(vscode.l10n.t("No one has to decide about {0}.", nameOf(path)));
    }
  }

  /** Decides for a side's content, or with "" for the file as it is now. */
  async keep(argument: unknown, side: "local" | "remote" | ""): Promise<void> {
    const path = fileOf(argument);
    if (!path || !(await saved(path)) || !(await this.calls.do("resolve", { path, side }))) {
      return;
    }
    await this.close(path);
    say(vscode.l10n.t("{0}: decided", nameOf(path)));
  }

  /** Closes the comparison of files that are in conflict no more, as when someone has decided elsewhere. */
  async left(session: rpc.Session, paths: readonly string[]): Promise<void> {
    for (const path of paths.filter((one) => shown().some(({ file, kept }) => kept.conflict && file === one))) {
      const params = { ...targetParams(ofSession(session), editor()), conflicts: true, path };
      const open = await this.connection.call("dev.sync.versions", params).catch(() => undefined);
      if (open?.length === 0) {
        await this.close(path);
        say(vscode.l10n.t("{0}: decided", nameOf(path)));
      }
    }
  }

  /** Closes the comparison, not the file: what was not saved stays. */
  private async close(path: string): Promise<void> {
    const tabs = shown().filter(({ file, kept, tab }) => kept.conflict && file === path && !tab.isDirty);
    await vscode.window.tabGroups.close(tabs.map(({ tab }) => tab));
  }

  private async show(session: rpc.Session, version: rpc.SyncVersion): Promise<void> {
    const file = fileOfVersion(version);
    if (!file) {
      return;
    }
    const title =
      version.side === "remote"
        ? vscode.l10n.t("{0}: theirs (the container's) ↔ mine, in place", nameOf(file))
        : vscode.l10n.t("{0}: mine (this computer's) ↔ theirs, in place", nameOf(file));
    if (version.target === undefined) {
      await compare(documentOf(session, file, version), title);
      return;
    }
    const mine = vscode.l10n.t("Keep Mine");
    const theirs = vscode.l10n.t("Keep Theirs");
    const picked = await vscode.window.showInformationMessage(
      vscode.l10n.t("The other content of {0} is a link to {1}.", nameOf(file), label(version.target)),
      mine,
      theirs,
    );
    if (picked) {
      await this.keep(vscode.Uri.file(file), picked === mine ? "local" : "remote");
    }
  }

  private entry(session: rpc.Session, version: rpc.SyncVersion): Entry {
    const when = this.at(new Date(version.time));
    return {
      label: `$(git-merge) ${label(version.path)}`,
      ...((session.sync?.length ?? 0) > 1 && { description: label(version.folder) }),
      detail:
        version.side === "remote"
          ? vscode.l10n.t("mine is in place, theirs of {0} is kept", when)
          : vscode.l10n.t("theirs is in place, mine of {0} is kept", when),
      run: () => this.show(session, version),
    };
  }

  /** The decisions about all files of a folder, as nhctl offers them. */
  private allAtOnce(session: rpc.Session): Entry[] {
    return (session.sync ?? []).flatMap((folder) => {
      const ways = decisions(folder, "resolve").map((decision) => ({
        label: capital(label(decision.title)),
        run: () => this.calls.decide(session, decision),
      }));
      const title = vscode.l10n.t("All {0} in {1}", folder.conflicts ?? 0, nameOf(rootOf(folder, session)));
      return ways.length > 0 ? [{ label: title, kind: vscode.QuickPickItemKind.Separator }, ...ways] : [];
    });
  }
}
