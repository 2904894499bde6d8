import * as vscode from "vscode";
import { defaults } from "./model/defaults";
import type * as rpc from "./rpc";
import type { Grouping } from "./tree/children";

/** The settings of the extension. */
export const settings = {
  path: (): string => read("path", ""),
  kubeconfig: (): string => read("kubeconfig", ""),
  start: (): Partial<rpc.Start> =>
    defaults({
      mode: read("start.mode", "config"),
      inject: read("start.inject", "auto"),
      image: read("start.image", ""),
      sidecarImage: read("start.sidecarImage", ""),
      profile: read("start.profile", ""),
      abandonAfter: number("start.abandonAfter"),
      timeout: number("start.timeout"),
    }),
  openFolder: (): string => read("start.openFolder", "ask"),
  logLines: (): number => number("logs.lines") || 1_000,
  grouping: (): Grouping => (read("tree.groupBy", "kind") === "config" ? "config" : "kind"),
  setGrouping: async (to: Grouping): Promise<void> => {
    await vscode.workspace.getConfiguration("nhctl").update("tree.groupBy", to, vscode.ConfigurationTarget.Global);
  },
};

/** Who calls, as far as the editor knows: its folder, and the kubeconfig of the settings. */
export function editor(): Partial<rpc.Caller> {
  const dir = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const kubeconfig = settings.kubeconfig();
  return { ...(dir && { dir }), ...(kubeconfig && { kubeconfig }) };
}

function read(name: string, otherwise: string): string {
  return vscode.workspace.getConfiguration("nhctl").get<string>(name, otherwise).trim();
}

function number(name: string): number {
  return vscode.workspace.getConfiguration("nhctl").get<number>(name, 0);
}
