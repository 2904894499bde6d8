import * as vscode from "vscode";
import { ofSession, type Target, targetOf } from "../model/target";
import type * as rpc from "../rpc";
import { settings } from "../settings";
import type { Folders } from "../folders";
import { around, builtIn, type Configuration, extensions, handedOver, offered, ofNocalhost } from "./configurations";
import type { Nhctl } from "../nhctl";

/** The event by which `nhctl dap` hands a session over to another extension. */
const handover = "nhctl.handover";

/** Debugging in dev containers: the adapter is `nhctl dap`, which every editor can use. */
export class Debugging
  implements vscode.DebugAdapterDescriptorFactory, vscode.DebugConfigurationProvider, vscode.Disposable
{
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly nhctl: Nhctl,
    private readonly folders: Folders,
    private readonly current: () => rpc.Session | undefined,
  ) {
    const all = vscode.DebugConfigurationProviderTriggerKind;
    this.disposables = [
      vscode.debug.registerDebugAdapterDescriptorFactory("nhctl", this),
      vscode.debug.registerDebugConfigurationProvider("nhctl", this, all.Initial),
      vscode.debug.registerDebugConfigurationProvider(
        "nhctl",
        { provideDebugConfigurations: () => this.offer() },
        all.Dynamic,
      ),
      vscode.debug.registerDebugConfigurationProvider("nocalhost", {
        resolveDebugConfiguration: (_folder, given) => this.translate(given),
      }),
      vscode.debug.onDidReceiveDebugSessionCustomEvent(({ session, event, body }) => {
        if (session.type === "nhctl" && event === handover) {
          void this.handOver(session, body); // it shows its own errors
        }
      }),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** Debugs a workload, or the folder's. */
  async start(argument: unknown, request: "launch" | "attach" = "launch"): Promise<void> {
    const target = targetOf(argument);
    const current = this.current();
    const chosen = target.workload || !current ? target : ofSession(current);
    const folder = chosen.folder ? vscode.workspace.getWorkspaceFolder(vscode.Uri.file(chosen.folder)) : undefined;
    await vscode.debug.startDebugging(folder ?? vscode.workspace.workspaceFolders?.[0], configuration(chosen, request));
  }

  async createDebugAdapterDescriptor(): Promise<vscode.DebugAdapterDescriptor> {
    const nhctl = await this.nhctl.path();
    if (!nhctl) {
      throw new Error(this.nhctl.missing());
    }
    return new vscode.DebugAdapterExecutable(nhctl, ["dap"]);
  }

  provideDebugConfigurations(): Promise<Configuration[]> {
    return this.offer();
  }

  /** Fills in what the user left out; F5 without launch.json comes here with nothing at all. */
  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    given: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    if (given.type) {
      const kubeconfig = settings.kubeconfig();
      return { ...(kubeconfig && { kubeconfig }), ...(folder && { folder: folder.uri.fsPath }), ...given };
    }
    const file = vscode.window.activeTextEditor?.document.uri.fsPath ?? folder?.uri.fsPath;
    const chosen = around(file, await this.offer());
    if (!chosen) {
      await vscode.window.showInformationMessage(
        vscode.l10n.t("No config in this folder names a workload. Start dev mode with the green hammer first."),
      );
      return undefined;
    }
    return this.resolveDebugConfiguration(folder, { ...given, ...chosen }); // "without debugging" is in what was given
  }

  private async offer(): Promise<Configuration[]> {
    return offered(this.current(), await this.folders.read(), vscode.l10n.t);
  }

  private translate(given: vscode.DebugConfiguration): vscode.DebugConfiguration | undefined {
    const configuration = ofNocalhost(given);
    if (configuration) {
      vscode.window.setStatusBarMessage(
        vscode.l10n.t('nhctl debugs this: write "type": "nhctl" in launch.json'),
        8_000,
      );
    }
    return configuration;
  }

  private async handOver(session: vscode.DebugSession, body: unknown): Promise<void> {
    const given = handedOver(body);
    if (!given) {
      await vscode.window.showErrorMessage(vscode.l10n.t("nhctl named no debugger that VS Code knows."));
      return;
    }
    const extension = extensions[given.type];
    if (!builtIn.includes(given.type) && extension && !vscode.extensions.getExtension(extension.id)) {
      const install = vscode.l10n.t("Install");
      const message = vscode.l10n.t("Debugging this needs the extension {0}.", extension.title);
      if ((await vscode.window.showInformationMessage(message, install)) === install) {
        await vscode.commands.executeCommand("workbench.extensions.search", `@id:${extension.id}`);
      }
      return;
    }
    // The other session lives on its own: that of nhctl has nothing more to do.
    if (!(await vscode.debug.startDebugging(session.workspaceFolder, given))) {
      await vscode.window.showErrorMessage(vscode.l10n.t("VS Code could not start its debugger for {0}.", given.type));
    }
  }
}

function configuration(target: Target, request: "launch" | "attach"): Configuration {
  const { place, workload, session, container, folder } = target;
  return {
    type: "nhctl",
    request,
    name: workload ? vscode.l10n.t("Debug {0} in the cluster", workload) : "nhctl",
    ...(workload && { workload }),
    ...(container && { container }),
    ...(session && { session }),
    ...(place?.context && { context: place.context }),
    ...(place?.namespace && { namespace: place.namespace }),
    ...(folder && { folder }),
    ...(request === "launch" && { start: true }),
  };
}
