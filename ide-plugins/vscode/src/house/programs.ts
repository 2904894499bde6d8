import * as vscode from "vscode";

/** Runs programs in terminals of their own, where they show what they do and may ask the user. */
export class Programs {
  /** Runs a program until it ends. The result is its exit code; undefined where the user has closed its terminal. */
  async run(title: string, program: string, args: readonly string[], cwd?: string): Promise<number | undefined> {
    const execution = new vscode.ProcessExecution(program, [...args], cwd ? { cwd } : {});
    const task = new vscode.Task({ type: "process" }, vscode.TaskScope.Workspace, title, "nhctl", execution, []);
    task.presentationOptions = {
      reveal: vscode.TaskRevealKind.Always,
      panel: vscode.TaskPanelKind.Dedicated,
      focus: true,
      clear: true,
      showReuseMessage: false,
    };
    const running = await vscode.tasks.executeTask(task);
    return new Promise((resolve) => {
      const done = (code: number | undefined): void => {
        vscode.Disposable.from(process, all).dispose();
        resolve(code);
      };
      const process = vscode.tasks.onDidEndTaskProcess(
        ({ execution, exitCode }) => execution === running && done(exitCode),
      );
      // A task whose process never began ends, too. Where there was one, its end is told first.
      const all = vscode.tasks.onDidEndTask(
        ({ execution }) => execution === running && setTimeout(() => done(undefined), 1_000),
      );
    });
  }
}
