import * as vscode from "vscode";
import { commandLine, ofSession, quoted, shortName, type Target, targetOf } from "../model/target";
import type { World } from "../model/world";
import type * as rpc from "../rpc";
import { settings } from "../settings";
import { label } from "../text";
import type { Nhctl } from "../nhctl";

/** Terminals in dev containers: `nhctl dev terminal` is the shell, the extension sees none of its bytes. */
export class Terminals implements vscode.TerminalProfileProvider {
  constructor(
    private readonly nhctl: Nhctl,
    private readonly world: World,
    private readonly current: () => rpc.Session | undefined,
  ) {}

  async open(argument: unknown): Promise<void> {
    const options = await this.options(this.target(argument));
    if (options) {
      vscode.window.createTerminal(options).show();
    }
  }

  async provideTerminalProfile(): Promise<vscode.TerminalProfile | undefined> {
    const options = await this.options(this.target(undefined));
    return options && new vscode.TerminalProfile(options);
  }

  /** Puts the command of a terminal on the clipboard, for a terminal elsewhere. */
  async copy(argument: unknown): Promise<void> {
    const line = commandLine(["dev", "terminal"], this.target(argument), settings.kubeconfig());
    await vscode.env.clipboard.writeText(quoted(["nhctl", ...line]));
    vscode.window.setStatusBarMessage(vscode.l10n.t("The command is on the clipboard"), 4_000);
  }

  /** The user's own session of a workload, or that of the folder. */
  private target(argument: unknown): Target {
    const target = targetOf(argument);
    const current = this.current();
    if (!target.workload) {
      return current ? ofSession(current) : target;
    }
    const { place, workload } = target;
    const session =
      place &&
      this.world
        .workloads(place)
        .map.get(workload)
        ?.sessions?.find((one) => one.mine);
    return { ...target, session: target.session ?? session?.id };
  }

  private async options(target: Target): Promise<vscode.TerminalOptions | undefined> {
    const nhctl = await this.nhctl.path();
    if (!nhctl) {
      await vscode.window.showErrorMessage(this.nhctl.missing());
      return undefined;
    }
    const name = label(shortName(target.workload), 60);
    return {
      name: name ? `nhctl: ${name}` : "nhctl",
      shellPath: nhctl,
      shellArgs: commandLine(["dev", "terminal"], target, settings.kubeconfig()),
      cwd: target.folder ?? vscode.workspace.workspaceFolders?.[0]?.uri,
      iconPath: new vscode.ThemeIcon("tools"),
      color: new vscode.ThemeColor("terminal.ansiGreen"),
    };
  }
}
