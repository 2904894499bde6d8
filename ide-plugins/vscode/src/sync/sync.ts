import * as vscode from "vscode";
import type { Connection } from "../connection/connection";
import { setContext } from "../context";
import type { Work } from "../hammer/work";
import type { Clockwork } from "../model/state";
import type * as rpc from "../rpc";
import { Calls } from "./calls";
import { Conflicts } from "./conflicts";
import { Contents } from "./content";
import { Decorations, forms } from "./decorations";
import { Deletions } from "./deletions";
import { say, shown } from "./documents";
import { explain } from "./explain";
import { FullDisks } from "./full";
import { Versions } from "./versions";

/** All that a user can see and decide about the sync of the folder's session. */
export class Sync implements vscode.Disposable {
  private readonly calls: Calls;
  private readonly conflicts: Conflicts;
  private readonly deletions: Deletions;
  private readonly versions: Versions;
  private readonly decorations = new Decorations();
  private readonly fullDisks = new FullDisks();
  private readonly disposables: vscode.Disposable[];
  /** The session whose files are marked. */
  private shown: string | undefined;

  constructor(work: Work, connection: Connection, current: () => rpc.Session | undefined, at: Clockwork) {
    this.calls = new Calls(work, current);
    this.conflicts = new Conflicts(this.calls, connection, at);
    this.deletions = new Deletions(this.calls);
    this.versions = new Versions(this.calls, at);
    this.disposables = [
      this.decorations,
      new Contents(connection),
      vscode.window.tabGroups.onDidChangeTabs(() => this.tabsChanged()),
    ];
    this.tabsChanged();
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** Goes by the state of the folder's session from now on. */
  show(session: rpc.Session | undefined): void {
    const left = this.decorations.show(session);
    if (session && session.id === this.shown) {
      void this.conflicts.left(session, left); // a failure means that no one knows better
    }
    this.shown = session?.id;
    this.fullDisks.show(session);
  }

  all(): Record<string, (argument: unknown) => unknown> {
    return {
      "nhctl.pauseSync": () => this.calls.do("pause"),
      "nhctl.resumeSync": () => this.calls.do("resume"),
      "nhctl.overrideSync": () => this.override(),
      "nhctl.resetSync": () => this.reset(),
      "nhctl.conflicts": () => this.conflicts.list(),
      "nhctl.compareConflict": (uri) => this.conflicts.compare(uri),
      "nhctl.keepMine": (uri) => this.conflicts.keep(uri, "local"),
      "nhctl.keepTheirs": (uri) => this.conflicts.keep(uri, "remote"),
      "nhctl.keepAsIs": (uri) => this.conflicts.keep(uri, ""),
      "nhctl.deletions": () => this.deletions.list(),
      "nhctl.versions": (uri) => this.versions.list(uri),
      "nhctl.restoreVersion": () => this.versions.restore(),
      "nhctl.explain": (uri) => explain(this.calls, uri),
    };
  }

  private async override(): Promise<void> {
    const done = await this.calls.do("override");
    if (done) {
      say(vscode.l10n.t("The container is as this computer; {0} files differed", done.files));
    }
  }

  private async reset(): Promise<void> {
    if (await this.calls.do("reset")) {
      say(vscode.l10n.t("Both sides were compared, and are the same"));
    }
  }

  /** Tells when-clauses which files are compared with one of their versions. */
  private tabsChanged(): void {
    const files = shown().flatMap(({ file, kept, alone }) => (kept.conflict || alone ? [] : forms(file)));
    setContext("nhctl.comparisons", files);
  }
}
