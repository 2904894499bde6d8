import * as vscode from "vscode";
import type { Call } from "../connection/bridge";
import type { Connection } from "../connection/connection";
import { Cancelled, failure } from "../connection/problem";
import { ofSession, shortName, type Target, targetOf, targetParams } from "../model/target";
import type { World } from "../model/world";
import type * as rpc from "../rpc";
import { editor, settings } from "../settings";
import { label, plain } from "../text";
import { podLine } from "./podline";

interface Following {
  channel: vscode.OutputChannel;
  source: vscode.CancellationTokenSource;
}

/** The output of commands in dev containers, and of pods, in an output channel for each workload. */
export class Logs implements vscode.Disposable {
  private readonly channels = new Map<string, Following>();

  constructor(
    private readonly connection: Connection,
    private readonly world: World,
    private readonly current: () => rpc.Session | undefined,
  ) {}

  dispose(): void {
    for (const { channel, source } of this.channels.values()) {
      source.cancel();
      source.dispose();
      channel.dispose();
    }
  }

  /** Shows the logs of a workload's commands, and follows them until they end. */
  async show(argument: unknown): Promise<void> {
    const target = this.target(argument);
    const name = label(shortName(target.workload), 60);
    const params = { ...targetParams(target, editor()), follow: true, tail: settings.logLines(), localPaths: true };
    const line = ({ log }: rpc.Event): string | undefined => log && plain(log.text);
    await this.follow(["commands", target], name || vscode.l10n.t("logs"), line, (call) =>
      this.connection.call("dev.logs", params, call),
    );
  }

  /** Shows what the pods of a workload print and what the cluster says about them, and follows it. */
  async pods(argument: unknown): Promise<void> {
    const target = this.target(argument);
    if (!target.workload) {
      await vscode.window.showInformationMessage(vscode.l10n.t("Choose a workload in the tree first."));
      return;
    }
    const { caller } = targetParams(target, editor());
    const params = { caller, workload: this.running(target), follow: true, events: true, tail: settings.logLines() };
    const name = vscode.l10n.t("{0} (pods)", label(shortName(target.workload), 60));
    await this.follow(
      ["pods", target],
      name,
      ({ log }) => log && podLine(log),
      (call) => this.connection.call("workload.logs", params, call),
    );
  }

  private target(argument: unknown): Target {
    const current = this.current();
    const given = targetOf(argument);
    return given.workload || !current ? given : ofSession(current);
  }

  /** The workload whose pods run: in dev mode that is the twin. */
  private running({ place, workload = "", session }: Target): string {
    const sessions = place && this.world.workloads(place).map.get(workload)?.sessions;
    const own = session ?? sessions?.find(({ mine }) => mine)?.id;
    const current = this.current();
    const twin =
      own === undefined
        ? undefined
        : current?.id === own
          ? current.twin
          : place && this.world.session(place, own)?.twin;
    return twin ? `deployment/${twin}` : workload;
  }

  /** Follows a log in a channel of its own, in the place of what followed it before. */
  private async follow(
    what: [kind: string, target: Target],
    name: string,
    line: (event: rpc.Event) => string | undefined,
    make: (call: Call) => Promise<unknown>,
  ): Promise<void> {
    const [kind, { place, workload, container }] = what;
    const key = JSON.stringify([kind, place, workload, container]);
    const before = this.channels.get(key);
    before?.source.cancel();
    const channel = before?.channel ?? vscode.window.createOutputChannel(`nhctl: ${name}`);
    const source = new vscode.CancellationTokenSource();
    this.channels.set(key, { channel, source });
    channel.clear();
    channel.show(true);
    const onEvent = (event: rpc.Event): void => {
      const text = line(event);
      if (text !== undefined && !source.token.isCancellationRequested) {
        channel.appendLine(text);
      }
    };
    try {
      await make({ token: source.token, onEvent });
    } catch (error) {
      const why = failure(error);
      if (!(why instanceof Cancelled) && !source.token.isCancellationRequested) {
        channel.appendLine(plain(why.message));
      }
    }
  }
}
