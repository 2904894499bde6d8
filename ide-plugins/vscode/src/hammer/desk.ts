import * as vscode from "vscode";
import type * as rpc from "../rpc";
import { capital, label, plain } from "../text";
import type { Programs } from "../house/programs";
import type { Decision, Desk } from "./flow";

/** More choices than this are a list, not buttons. */
const buttons = 3;

type Option = vscode.MessageItem & { decision: Decision };

/** Asks the user in VS Code: questions in a dialog or a list, problems as notifications with buttons. */
export class WindowDesk implements Desk {
  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly programs: Programs,
  ) {}

  async decide(question: rpc.Question, problem: rpc.Error): Promise<Decision | undefined> {
    const options: Option[] = [
      ...(question.choices ?? []).map(({ id, title }) => ({ title: capital(label(title)), decision: { choice: id } })),
      ...remedies(problem).map((remedy) => ({ title: capital(label(remedy.title)), decision: { remedy } })),
    ];
    if (options.length > buttons) {
      const picked = await vscode.window.showQuickPick(
        options.map((option) => ({ label: option.title, option })),
        { title: plain(question.text), placeHolder: plain(problem.message), ignoreFocusOut: true },
      );
      return picked?.option.decision;
    }
    // Its hint says how to answer on the command line; here the buttons do.
    const detail = problem.message.includes(question.text) ? "" : capital(plain(problem.message));
    const message = capital(plain(question.text));
    const picked = await vscode.window.showWarningMessage(message, { modal: true, detail }, ...options);
    return picked?.decision;
  }

  async offer(problem: rpc.Error): Promise<rpc.Remedy | undefined> {
    this.log.error(`${problem.message}${problem.hint ? `\n${problem.hint}` : ""}`);
    const more = vscode.l10n.t("Show Details");
    const items: (vscode.MessageItem & { remedy?: rpc.Remedy })[] = remedies(problem).map((remedy) => ({
      title: capital(label(remedy.title)),
      remedy,
    }));
    const hint = problem.hint ? ` ${hintLine(problem.hint)}` : "";
    const picked = await vscode.window.showErrorMessage(`${capital(label(problem.message, 400))}.${hint}`, ...items, {
      title: more,
    });
    if (picked?.title === more) {
      this.log.show();
    }
    return picked?.remedy;
  }

  async run(title: string, command: readonly string[]): Promise<boolean> {
    const [program = "", ...args] = command;
    return (await this.programs.run(capital(label(title)), program, args)) === 0;
  }

  async open(link: string): Promise<void> {
    const uri = vscode.Uri.parse(link, true);
    if (uri.scheme === "https" || uri.scheme === "http") {
      await vscode.env.openExternal(uri);
    } else if (uri.scheme === "file") {
      await vscode.window.showTextDocument(uri);
    }
  }
}

function remedies(problem: rpc.Error): rpc.Remedy[] {
  return (problem.remedies ?? []).slice(0, 4);
}

/** The first line of a hint: a notification has no room for more, the log has it all. */
function hintLine(hint: string): string {
  return capital(label(hint.split("\n", 1)[0] ?? "", 200)).replace(/([^.])$/, "$1.");
}
