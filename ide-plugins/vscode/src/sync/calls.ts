import * as vscode from "vscode";
import type { Work } from "../hammer/work";
import { ofSession, shortName, type Target, targetParams } from "../model/target";
import type * as rpc from "../rpc";
import { editor } from "../settings";
import { label } from "../text";

/** What a remedy of a folder does. */
type Decision = rpc.Remedy & { params: Partial<rpc.SyncDo> };

/** Actions that are over at once: they need no progress. */
const quick: readonly rpc.SyncAction[] = ["pause", "resume", "resolve"];

/** The calls about the sync of the folder's session. The user sees what nhctl asks, and what fails. */
export class Calls {
  constructor(
    readonly work: Work,
    private readonly current: () => rpc.Session | undefined,
  ) {}

  /** The folder's session. The user hears if there is none. */
  async session(): Promise<rpc.Session | undefined> {
    const session = this.current();
    if (!session) {
      await vscode.window.showInformationMessage(vscode.l10n.t("This folder is not in dev mode."));
    }
    return session;
  }

  /** Has sync do something in the folder's session; undefined if it was not done. */
  async do(action: rpc.SyncAction, more: Partial<rpc.SyncDo> = {}): Promise<rpc.SyncDone | undefined> {
    const session = await this.session();
    return session && this.doFor(ofSession(session), { ...more, action });
  }

  /** Has sync do something in a session. */
  async doFor(
    target: Target,
    what: Partial<rpc.SyncDo> & Pick<rpc.SyncDo, "action">,
  ): Promise<rpc.SyncDone | undefined> {
    const title = vscode.l10n.t("Sync of {0}", label(shortName(target.workload), 60));
    const params = { ...targetParams(target, editor()), ...what };
    const outcome = quick.includes(what.action)
      ? await this.work.quick(title, "dev.sync.do", params)
      : await this.work.do(title, "dev.sync.do", params);
    return outcome.kind === "done" ? outcome.result : undefined;
  }

  /** Makes the call of a decision. */
  async decide(session: rpc.Session, { params }: Decision): Promise<rpc.SyncDone | undefined> {
    const { action, ...more } = params;
    return action && this.doFor(ofSession(session), { ...more, action });
  }

  /** The kept versions of a path, or of all; undefined if they can't be had. */
  async versions(session: rpc.Session, of: Partial<rpc.SyncPath>): Promise<rpc.SyncVersion[] | undefined> {
    const params = { ...targetParams(ofSession(session), editor()), ...of };
    const outcome = await this.work.quick(vscode.l10n.t("Kept versions"), "dev.sync.versions", params);
    return outcome.kind === "done" ? (outcome.result ?? []) : undefined;
  }
}

/** The remedies of a folder that are one of these actions. */
export function decisions(folder: rpc.SyncData, ...actions: rpc.SyncAction[]): Decision[] {
  const isOne = (remedy: rpc.Remedy): remedy is Decision => {
    const action = (remedy.params as Partial<rpc.SyncDo> | undefined)?.action;
    return remedy.method === "dev.sync.do" && action !== undefined && actions.includes(action);
  };
  return (folder.remedies ?? []).filter(isOne);
}
