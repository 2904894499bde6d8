import * as vscode from "vscode";
import type { Connection } from "../connection/connection";
import { Cancelled, failure } from "../connection/problem";
import { ofSession, shortName, type Target, targetOf, targetParams } from "../model/target";
import type * as rpc from "../rpc";
import { editor } from "../settings";
import { label, plain } from "../text";

interface Following {
  channel: vscode.OutputChannel;
  source: vscode.CancellationTokenSource;
}

/** The lines of a log that are shown at once, when it is opened. */
const tail = 1_000;

/** The output of commands in dev containers, in an output channel for each workload. */
export class Logs implements vscode.Disposable {
  private readonly channels = new Map<string, Following>();

  constructor(
    private readonly connection: Connection,
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
    const current = this.current();
    const given = targetOf(argument);
    const target: Target = given.workload || !current ? given : ofSession(current);
    const key = JSON.stringify([target.place, target.workload, target.container]);
    const name = label(shortName(target.workload), 60);
    const before = this.channels.get(key);
    before?.source.cancel();
    const channel = before?.channel ?? vscode.window.createOutputChannel(name ? `nhctl: ${name}` : "nhctl: logs");
    const source = new vscode.CancellationTokenSource();
    this.channels.set(key, { channel, source });
    channel.clear();
    channel.show(true);
    const params = { ...targetParams(target, editor()), follow: true, tail };
    const onEvent = ({ log }: rpc.Event): void => {
      if (log && !source.token.isCancellationRequested) {
        channel.appendLine(plain(log.text));
      }
    };
    try {
      await this.connection.call("dev.logs", params, { token: source.token, onEvent });
    } catch (error) {
      const why = failure(error);
      if (!(why instanceof Cancelled) && !source.token.isCancellationRequested) {
        channel.appendLine(plain(why.message));
      }
    }
  }
}
