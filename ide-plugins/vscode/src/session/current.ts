import * as vscode from "vscode";
import type { Change } from "../model/items";
import { inside } from "../model/paths";
import type { Subscriptions } from "../model/subscriptions";
import { sessionOf, shortName } from "../model/target";
import type { Scope, World } from "../model/world";
import type * as rpc from "../rpc";
import { label } from "../text";

const us = "current";

/** The session that the open folders are synced in: status bar, terminal and commands are about it. */
export class CurrentSession implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<rpc.Session | undefined>();
  readonly onChange = this.changed.event;
  private session: rpc.Session | undefined;
  /** The same as the list of sessions has it. */
  private listed: rpc.Session | undefined;
  private readonly told = new Set<string>();
  private readonly looking = vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.choose());

  constructor(
    private readonly world: World,
    private readonly subscriptions: Subscriptions,
    private readonly endAbandoned: (session: rpc.Session) => Promise<void>,
  ) {}

  dispose(): void {
    this.looking.dispose();
    this.subscriptions.want(us, []);
    this.changed.dispose();
  }

  /** Looks for the folder's session from now on. */
  watch(): void {
    this.subscribe();
  }

  /** The session with all that is known of it; undefined if the folder has none. */
  get value(): rpc.Session | undefined {
    return this.session;
  }

  /** Hears of a change of the world. */
  note(scope: Scope, change: Change): void {
    if (scope.topic === "sessions" && scope.allClusters) {
      this.choose();
    } else if (
      scope.topic === "status" &&
      scope.session === this.session?.id &&
      (change.list || change.changed.length)
    ) {
      this.choose();
    }
  }

  private choose(): void {
    const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
    const front = vscode.window.activeTextEditor?.document.uri;
    const file = front?.scheme === "file" ? front.fsPath : undefined; // one of an output channel is in no folder
    const found = sessionOf(this.world.own().map.values(), folders, inside, file);
    const before = this.listed;
    this.listed = found;
    const status = found && this.world.items(statusOf(found)).map.get(found.id);
    // The place is that of the list: a status is asked for by its place, and does not repeat the context.
    this.session = found && { ...found, ...status, context: found.context };
    if (before?.id !== found?.id) {
      this.subscribe();
    } else if (found?.live && !before?.live) {
      // A session is listed a moment before nhctl serves it, and has no status until then.
      this.subscriptions.again(({ topic, session }) => topic === "status" && session === found.id);
    }
    this.changed.fire(this.session);
    if (found?.abandoned && !this.told.has(found.id)) {
      this.told.add(found.id);
      void this.offerEnd(found); // it shows its own errors
    }
  }

  private subscribe(): void {
    const own: Scope = { topic: "sessions", allClusters: true };
    this.subscriptions.want(us, this.session ? [own, statusOf(this.session)] : [own]);
  }

  private async offerEnd(session: rpc.Session): Promise<void> {
    const end = vscode.l10n.t("End It");
    const name = label(shortName(session.workload), 60);
    const picked = await vscode.window.showInformationMessage(
      vscode.l10n.t("The session of {0} was abandoned: nothing has served it for a long time.", name),
      end,
    );
    if (picked === end) {
      await this.endAbandoned(session);
    }
  }
}

function statusOf(session: rpc.Session): Scope & { topic: "status" } {
  return { topic: "status", context: session.context, namespace: session.namespace, session: session.id };
}
