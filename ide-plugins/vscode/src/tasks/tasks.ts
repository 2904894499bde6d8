import * as vscode from "vscode";
import type { Folders } from "../folders";
import { ofSession, shortName, type Target } from "../model/target";
import type { Nhctl } from "../nhctl";
import type * as rpc from "../rpc";
import { settings } from "../settings";
import { label } from "../text";
import { type Command, commands, type Definition, definitionOf, matchers, taskLine } from "./lines";

/** Tasks in dev containers, of type nhctl: each is a command of nhctl in a terminal, with its exit code. */
export class Tasks implements vscode.TaskProvider, vscode.Disposable {
  private readonly registered = vscode.tasks.registerTaskProvider("nhctl", this);

  constructor(
    private readonly nhctl: Nhctl,
    private readonly folders: Folders,
    private readonly current: () => rpc.Session | undefined,
  ) {}

  dispose(): void {
    this.registered.dispose();
  }

  /** The tasks that need no tasks.json: of the folder's session, or else of what its config names. */
  async provideTasks(): Promise<vscode.Task[]> {
    const nhctl = await this.nhctl.path();
    if (!nhctl) {
      return [];
    }
    const session = this.current();
    const targets: Target[] = session ? [folderTarget(session)] : [...(await this.folders.read())];
    return targets.flatMap((target) =>
      commands
        .filter((command) => command !== "exec")
        .flatMap((command) => this.task(nhctl, definitionOf(command, target)) ?? []),
    );
  }

  /** Fills in a task of tasks.json. */
  async resolveTask(task: vscode.Task): Promise<vscode.Task | undefined> {
    const nhctl = await this.nhctl.path();
    const scope = typeof task.scope === "object" ? task.scope : undefined;
    return nhctl === undefined ? undefined : this.task(nhctl, task.definition as Definition, scope, task.name);
  }

  private task(
    nhctl: string,
    definition: Definition,
    scope?: vscode.WorkspaceFolder,
    name?: string,
  ): vscode.Task | undefined {
    const line = taskLine(definition, settings.kubeconfig());
    if (!line) {
      return undefined;
    }
    const { command, folder, workload } = definition;
    const open = folder ? vscode.workspace.getWorkspaceFolder(vscode.Uri.file(folder)) : undefined;
    const within = scope ?? open ?? vscode.workspace.workspaceFolders?.[0];
    const cwd = folder ?? within?.uri.fsPath;
    const task = new vscode.Task(
      definition,
      within ?? vscode.TaskScope.Workspace,
      name ?? title(command, workload),
      "nhctl",
      new vscode.ProcessExecution(nhctl, line, cwd ? { cwd } : {}),
      matchers,
    );
    task.isBackground = command === "run";
    task.group = command === "build" ? vscode.TaskGroup.Build : command === "test" ? vscode.TaskGroup.Test : undefined;
    task.detail = vscode.l10n.t("in the dev container");
    return task;
  }
}

/** The workload of a session, whatever its id is at that time: tasks are remembered. */
function folderTarget(session: rpc.Session): Target {
  return { ...ofSession(session), session: undefined };
}

function title(command: Command, workload: string | undefined): string {
  return [command, label(shortName(workload), 60)].filter(Boolean).join(" ");
}
