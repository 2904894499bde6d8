import * as vscode from "vscode";
import type { Connection } from "../connection/connection";
import { failure } from "../connection/problem";
import type { Folders } from "../folders";
import { chooseFolder } from "../hammer/elsewhere";
import type { Hammer } from "../hammer/hammer";
import type { Nhctl } from "../nhctl";
import type * as rpc from "../rpc";
import { editor } from "../settings";
import { type Link, linkOf } from "./link";

/** How long nhctl may take to say which clusters there are. */
const patience = 30_000;

/** Links from elsewhere that ask to start a workload. Nothing starts before the user has agreed to what it says. */
export class Links implements vscode.UriHandler {
  constructor(
    private readonly nhctl: Nhctl,
    private readonly connection: Connection,
    private readonly folders: Folders,
    private readonly hammer: Pick<Hammer, "start">,
  ) {}

  async handleUri(uri: vscode.Uri): Promise<void> {
    const link = linkOf(uri);
    if (!link) {
      await vscode.window.showErrorMessage(vscode.l10n.t("This link names no workload that nhctl could start."));
      return;
    }
    if (!(await this.nhctl.path())) {
      await vscode.window.showErrorMessage(this.nhctl.missing());
      return;
    }
    try {
      await this.ask(link, await this.cluster(link));
    } catch (error) {
      await vscode.window.showErrorMessage(failure(error).message);
    }
  }

  private async ask({ workload, namespace }: Link, cluster: rpc.Cluster): Promise<void> {
    const place = { context: cluster.context, namespace: namespace || cluster.namespace || "default" };
    const services = await this.folders.read();
    const known = services.find((service) => service.workload === workload)?.folder;
    const start = vscode.l10n.t("Start Dev Mode");
    const picked = await vscode.window.showWarningMessage(
      vscode.l10n.t("A link asks to start dev mode of {0}.", workload),
      {
        modal: true,
        detail: [
          vscode.l10n.t("Namespace: {0}", place.namespace),
          vscode.l10n.t("Context: {0}", place.context),
          vscode.l10n.t("Cluster: {0}", cluster.server),
          vscode.l10n.t("Folder: {0}", known ?? vscode.l10n.t("you choose it next")),
          "",
          vscode.l10n.t("Anyone can write a link. Start only what you know."),
        ].join("\n"),
      },
      start,
    );
    const folder = picked === start ? (known ?? (await chooseFolder())) : undefined;
    if (folder !== undefined) {
      await this.hammer.start({ workload, place, folder });
    }
  }

  /** The cluster that a link means: of its context, or of the current one. */
  private async cluster({ context }: Link): Promise<rpc.Cluster> {
    const clusters = Object.values(await this.clusters());
    const found = clusters.find((one) => (context === undefined ? one.current : one.context === context));
    if (!found) {
      throw new Error(
        context === undefined
          ? vscode.l10n.t("Your kubeconfig has no current context.")
          : vscode.l10n.t("Your kubeconfig has no context {0}.", context),
      );
    }
    return found;
  }

  private async clusters(): Promise<Record<string, rpc.Cluster>> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => over(() => reject(new Error(vscode.l10n.t("nhctl does not come up")))), patience);
      const over = (what: () => void): void => {
        clearTimeout(limit);
        setTimeout(() => subscription.dispose()); // it may answer before it is assigned
        what();
      };
      const subscription = this.connection.subscribe(
        { topic: "clusters", caller: editor() },
        ({ clusters }) => over(() => resolve(clusters ?? {})),
        (problem) => over(() => reject(problem)),
      );
    });
  }
}
