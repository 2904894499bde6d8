import * as vscode from "vscode";
import type { Folders } from "../folders";
import type { Desk } from "../hammer/flow";
import type { Subscriptions } from "../model/subscriptions";
import type { World } from "../model/world";
import type * as rpc from "../rpc";
import { capital, label } from "../text";
import { settings } from "../settings";
import type { Favourites } from "./favourites";
import { titleOf } from "./look";
import type { Node, WorkloadAddress } from "./node";
import type { Tree } from "./tree";

/** The commands of the tree that change nothing in a cluster. */
export class TreeCommands {
  constructor(
    private readonly tree: Tree,
    private readonly world: World,
    private readonly subscriptions: Subscriptions,
    private readonly folders: Folders,
    private readonly favourites: Favourites,
    private readonly desk: Desk,
    private readonly current: () => rpc.Session | undefined,
  ) {}

  all(): Record<string, (argument: unknown) => unknown> {
    return {
      "nhctl.refresh": () => this.refresh(),
      "nhctl.groupByKind": () => settings.setGrouping("kind"),
      "nhctl.groupByConfig": () => settings.setGrouping("config"),
      "nhctl.find": () => this.find(),
      "nhctl.reveal": () => this.reveal(),
      "nhctl.addFavourite": (node) => isWorkload(node) && this.favourites.add(node),
      "nhctl.removeFavourite": (node) => isWorkload(node) && this.favourites.remove(node),
      "nhctl.copyName": (node) => this.copyName(node as Node | undefined),
      "nhctl.openForward": (node) => this.openForward(node as Node | undefined),
      "nhctl.showProblem": (node) => this.showProblem(node as Node | undefined),
    };
  }

  private refresh(): void {
    this.subscriptions.again();
    this.tree.refresh();
  }

  /** Finds a workload by its name in the namespaces that are open. */
  private async find(): Promise<void> {
    const items = this.tree.places().flatMap((place) =>
      [...this.world.workloads(place).map.values()].map(({ name, kind, workload }) => ({
        label: label(name),
        description: kind,
        detail: label(`${place.namespace} · ${place.context}`),
        address: { place, key: workload },
      })),
    );
    if (items.length === 0) {
      await vscode.window.showInformationMessage(vscode.l10n.t("Open a namespace in the tree first."));
      return;
    }
    const picked = await vscode.window.showQuickPick(items, {
      title: vscode.l10n.t("Find a Workload"),
      placeHolder: vscode.l10n.t("Name of the workload"),
      matchOnDescription: true,
    });
    if (picked) {
      await this.tree.reveal(picked.address);
    }
  }

  /** Shows the workload of the open folder: that of its session, or else the one that its config names. */
  private async reveal(): Promise<void> {
    const session = this.current();
    if (session?.context) {
      const place = { context: session.context, namespace: session.namespace };
      if (await this.tree.reveal({ place, key: session.workload })) {
        return;
      }
    }
    const services = await this.folders.read();
    for (const place of this.likely()) {
      for (const { workload } of services) {
        if (await this.tree.reveal({ place, key: workload })) {
          return;
        }
      }
    }
    await vscode.window.showInformationMessage(
      services.length === 0
        ? vscode.l10n.t("No config in this folder names a workload.")
        : vscode.l10n.t("The workload of this folder is in none of the open namespaces."),
    );
  }

  /** Where the folder's workload may be: in open namespaces, and in that of the current context. */
  private likely(): WorkloadAddress["place"][] {
    const current = [...this.world.clusters().map.values()].find((cluster) => cluster.current);
    const usual = current && { context: current.context, namespace: current.namespace || "default" };
    return usual ? [usual, ...this.tree.places()] : this.tree.places();
  }

  private async copyName(node: Node | undefined): Promise<void> {
    if (node) {
      await vscode.env.clipboard.writeText(this.tree.painter.look(node).label);
    }
  }

  private async openForward(node: Node | undefined): Promise<void> {
    const port = node?.kind === "forward" ? this.world.forwards().map.get(node.forward) : undefined;
    if (port) {
      await vscode.env.openExternal(vscode.Uri.parse(`http://localhost:${port.local}`));
    }
  }

  /** A problem of a list in full, with its remedies; "try again" asks the cluster again. */
  private async showProblem(node: Node | undefined): Promise<void> {
    const problem = node?.kind === "message" ? this.tree.painter.problem(node) : undefined;
    if (!problem) {
      return;
    }
    const again = vscode.l10n.t("Try Again");
    const title = `${titleOf(problem, vscode.l10n.t)}: ${label(problem.message, 400)}`;
    const remedies = (problem.remedies ?? []).filter(({ link, command }) => link || command?.length);
    const picked = await vscode.window.showWarningMessage(
      title,
      { modal: true, detail: problem.hint ?? "" },
      again,
      ...remedies.map((remedy) => capital(label(remedy.title))),
    );
    const remedy = remedies.find(({ title }) => capital(label(title)) === picked);
    if (remedy?.link) {
      await this.desk.open(remedy.link);
    } else if (picked === again || (remedy?.command && (await this.desk.run(remedy.title, remedy.command)))) {
      this.refresh();
    }
  }
}

function isWorkload(node: unknown): node is WorkloadAddress {
  return typeof node === "object" && node !== null && (node as Partial<Node>).kind === "workload";
}
