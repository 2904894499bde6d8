import * as vscode from "vscode";
import type { Method, Params, Result } from "../connection/bridge";
import type { Connection } from "../connection/connection";
import { label } from "../text";
import { converse, type Desk, type Outcome, steps } from "./flow";

/** Long calls as VS Code shows them: a notification with the steps and a button to cancel. */
export class Work {
  constructor(
    private readonly connection: Connection,
    readonly desk: Desk,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Makes a call with progress, questions and remedies. It never rejects: the user has seen what failed. */
  async do<M extends Method>(title: string, method: M, params: Params<M>): Promise<Outcome<M>> {
    return converse((next, given) => this.once(title, next, given), this.desk, method, params);
  }

  /** Makes a short call, which shows itself in the status bar alone. */
  async quick<M extends Method>(title: string, method: M, params: Params<M>): Promise<Outcome<M>> {
    return converse(
      async (next, given) => {
        const call = this.connection.call(next, given);
        vscode.window.setStatusBarMessage(`$(sync~spin) ${title}`, call.then(nothing, nothing));
        return call;
      },
      this.desk,
      method,
      params,
    );
  }

  private async once<M extends Method>(title: string, method: M, params: Params<M>): Promise<Result<M>> {
    this.log.info(`${title} (${method})`);
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return vscode.window.withProgress(options, async (progress, token) => {
      const cancelling = token.onCancellationRequested(() => progress.report({ message: vscode.l10n.t("undoing…") }));
      const onEvent = steps((line) => {
        this.log.info(label(line, 500));
        if (!token.isCancellationRequested) {
          progress.report({ message: label(line) });
        }
      });
      try {
        return await this.connection.call(method, params, { token, onEvent });
      } finally {
        cancelling.dispose();
      }
    });
  }
}

function nothing(): void {
  // the caller sees how the call came out
}
