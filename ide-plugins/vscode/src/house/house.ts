import { join } from "node:path";
import * as vscode from "vscode";
import { commandLine, type Target, targetOf } from "../model/target";
import type { Nhctl } from "../nhctl";
import { settings } from "../settings";
import { words } from "../text";
import { chooseFolder } from "../hammer/elsewhere";
import type { Programs } from "./programs";

/** What builds the demo, for a terminal. */
const demo = "git clone --depth 1 https://github.com/nhctl/nhctl && make -C nhctl demo";

/** nhctl's own commands that are no calls: each runs in a terminal, where it shows what it finds and may ask. */
export class House {
  constructor(
    private readonly nhctl: Nhctl,
    private readonly programs: Programs,
  ) {}

  /** Writes the first config of a folder, of a workload if one is given, and opens it. */
  async init(argument: unknown): Promise<void> {
    const target = targetOf(argument);
    const folder = target.folder ?? (await chooseFolder());
    if (folder !== undefined) {
      const line = [...this.line(["config", "init"], target), "--dir", folder];
      await this.write(vscode.l10n.t("Write a config"), folder, line);
    }
  }

  /** Makes a config of Nocalhost's, or of a devcontainer.json, and opens it. */
  async import(): Promise<void> {
    const folder = await chooseFolder();
    if (folder === undefined) {
      return;
    }
    const title = vscode.l10n.t("Import a config");
    const line = ["config", "import"];
    const before = await exists(configOf(folder));
    if ((await this.write(title, folder, line)) || !before) {
      return;
    }
    const replace = vscode.l10n.t("Replace It");
    const message = vscode.l10n.t("There is a config already. The terminal shows what the import would change.");
    if ((await vscode.window.showWarningMessage(message, replace)) === replace) {
      await this.write(title, folder, [...line, "--yes"]);
    }
  }

  /** Checks whether dev mode can work here. */
  async doctor(argument: unknown): Promise<void> {
    const line = this.line(["doctor"], { place: targetOf(argument).place });
    await this.run(vscode.l10n.t("Doctor"), line, firstFolder());
  }

  /** Writes a bundle for whoever is asked for help. It is sent to no one. */
  async support(): Promise<void> {
    const folder = firstFolder();
    const file = await vscode.window.showSaveDialog({
      title: vscode.l10n.t("Support bundle"),
      filters: { zip: ["zip"] },
      ...(folder && { defaultUri: vscode.Uri.file(join(folder, "nhctl-support.zip")) }),
    });
    if (file) {
      const line = [...this.line(["support"], {}), "--file", file.fsPath];
      await this.run(vscode.l10n.t("Support bundle"), line, folder);
    }
  }

  /** Shows the command of the demo in a terminal, for the user to run: it installs packages and starts a cluster. */
  async demo(): Promise<void> {
    if (!vscode.workspace.isTrusted) {
      await vscode.window.showErrorMessage(this.nhctl.missing());
      return;
    }
    const terminal = vscode.window.createTerminal({ name: vscode.l10n.t("Demo of nhctl") });
    terminal.show();
    terminal.sendText(demo, false);
  }

  /** A command about a workload, with the kubeconfig of the settings. */
  private line(command: readonly string[], target: Target): string[] {
    return commandLine(command, target, settings.kubeconfig());
  }

  /** Runs a command that writes a config, and opens what it wrote. It is false where the command has failed. */
  private async write(title: string, folder: string, line: readonly string[]): Promise<boolean> {
    const written = (await this.run(title, line, folder)) === 0;
    if (written) {
      await vscode.window.showTextDocument(configOf(folder));
    }
    return written;
  }

  private async run(title: string, line: readonly string[], folder: string | undefined): Promise<number | undefined> {
    const nhctl = await this.nhctl.path();
    if (!nhctl) {
      await vscode.window.showErrorMessage(this.nhctl.missing());
      return undefined;
    }
    try {
      return await this.programs.run(title, nhctl, line, folder);
    } catch (error) {
      await vscode.window.showErrorMessage(words(error));
      return undefined;
    }
  }
}

function firstFolder(): string | undefined {
  return vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === "file")?.uri.fsPath;
}

function configOf(folder: string): vscode.Uri {
  return vscode.Uri.file(join(folder, ".dev", "config.yaml"));
}

async function exists(file: vscode.Uri): Promise<boolean> {
  return vscode.workspace.fs.stat(file).then(
    () => true,
    () => false,
  );
}
