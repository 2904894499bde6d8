import * as vscode from "vscode";
import { behind } from "../debug/here";
import { commandLine, shortName, type Target, targetOf } from "../model/target";
import type { World } from "../model/world";
import type { Nhctl } from "../nhctl";
import type * as rpc from "../rpc";
import { settings } from "../settings";
import { label } from "../text";
import { askPorts } from "./ask";

interface Launch {
  folder: vscode.WorkspaceFolder;
  configuration: vscode.DebugConfiguration;
}

type Entry<T> = vscode.QuickPickItem & { value: T };

/** Debugs a local launch configuration as if it ran in a workload's pod, with that workload's traffic. */
export class DebugHere {
  constructor(
    private readonly nhctl: Nhctl,
    private readonly world: World,
  ) {}

  async start(argument: unknown): Promise<void> {
    const target = targetOf(argument);
    const { place, workload } = target;
    const nhctl = await this.nhctl.path();
    if (!place || !workload || !nhctl) {
      await vscode.window.showErrorMessage(
        nhctl ? vscode.l10n.t("Choose a workload in the tree.") : this.nhctl.missing(),
      );
      return;
    }
    const launch = await chooseLaunch(label(shortName(workload), 60));
    const routes = launch && (await this.chooseRoutes(place, workload));
    const joined = routes && behind(runCommand(nhctl, target, routes), launch.configuration);
    if (joined) {
      await vscode.debug.startDebugging(launch.folder, joined);
    }
  }

  /** The flags of `nhctl run` for the traffic that comes here while it runs; undefined if the user leaves. */
  private async chooseRoutes(place: NonNullable<Target["place"]>, workload: string): Promise<string[] | undefined> {
    const services = this.world.workloads(place).map.get(workload)?.services ?? [];
    const entries = services.flatMap((service): Entry<[string, rpc.Service] | undefined>[] => {
      const name = label(service.name, 60);
      return [
        {
          label: vscode.l10n.t("Mesh of {0}", name),
          description: vscode.l10n.t("requests with your own header come here"),
          value: ["--mesh", service],
        },
        {
          label: vscode.l10n.t("Exchange of {0}", name),
          description: vscode.l10n.t("all requests come here"),
          value: ["--exchange", service],
        },
      ];
    });
    const none = { label: vscode.l10n.t("No traffic"), description: vscode.l10n.t("it only calls the cluster") };
    const title = vscode.l10n.t("Traffic for your process");
    const picked = await vscode.window.showQuickPick([...entries, { ...none, value: undefined }], { title });
    if (!picked?.value) {
      return picked && [];
    }
    const [flag, service] = picked.value;
    const ports = await askPorts(service);
    if (!ports) {
      return undefined;
    }
    const named = ports.map(({ port, local }) => [flag, [service.name, port, local].filter(Boolean).join(":")]);
    return named.length > 0 ? named.flat() : [flag, service.name];
  }
}

function runCommand(nhctl: string, { place, workload }: Target, routes: readonly string[]): string[] {
  const line = commandLine(["run"], { place }, settings.kubeconfig());
  return [nhctl, ...line, "--workload", workload ?? "", ...routes, "--"];
}

/** A launch configuration of the open folders whose program can run behind nhctl. */
async function chooseLaunch(workload: string): Promise<Launch | undefined> {
  const entries = (vscode.workspace.workspaceFolders ?? []).flatMap((folder) => {
    const all = vscode.workspace.getConfiguration("launch", folder.uri).get<unknown>("configurations");
    return (Array.isArray(all) ? (all as unknown[]) : [])
      .filter((one): one is vscode.DebugConfiguration => isConfiguration(one) && behind([""], one) !== undefined)
      .map(
        (configuration): Entry<Launch> => ({
          label: label(configuration.name),
          description: label(folder.name),
          value: { folder, configuration },
        }),
      );
  });
  if (entries.length === 0) {
    const add = vscode.l10n.t("Open launch.json");
    const message = vscode.l10n.t(
      "No launch configuration of Node or Python is there that could run as {0}.",
      workload,
    );
    if ((await vscode.window.showInformationMessage(message, add)) === add) {
      await vscode.commands.executeCommand("workbench.action.debug.configure");
    }
    return undefined;
  }
  if (entries.length === 1) {
    return entries[0]?.value;
  }
  const title = vscode.l10n.t("Run as {0}", workload);
  return (await vscode.window.showQuickPick(entries, { title }))?.value;
}

function isConfiguration(value: unknown): value is vscode.DebugConfiguration {
  const one = value as Partial<vscode.DebugConfiguration> | null;
  return typeof one === "object" && typeof one?.type === "string" && typeof one.name === "string";
}
