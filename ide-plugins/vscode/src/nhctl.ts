import * as vscode from "vscode";
import { find } from "./connection/find";
import type { Found } from "./connection/program";
import { settings } from "./settings";

/** The nhctl that the extension runs: looked for once, until someone says that it may be another one. */
export class Nhctl {
  private looking: Promise<Found | undefined> | undefined;

  constructor(private readonly bundle: string) {}

  /** Where it is; undefined if there is none, or if nothing may run in this folder. */
  async find(): Promise<Found | undefined> {
    if (!vscode.workspace.isTrusted) {
      return undefined;
    }
    this.looking ??= find({ setting: settings.path(), bundle: this.bundle, env: process.env });
    const found = await this.looking;
    if (!found) {
      this.forget(); // it may be installed by the next time
    }
    return found;
  }

  async path(): Promise<string | undefined> {
    return (await this.find())?.path;
  }

  forget(): void {
    this.looking = undefined;
  }

  /** Why there is none, in words. */
  missing(): string {
    return vscode.workspace.isTrusted
      ? vscode.l10n.t("nhctl is not installed on this computer.")
      : vscode.l10n.t("nhctl runs nothing in a folder that you don't trust.");
  }
}
