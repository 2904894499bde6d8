import * as vscode from "vscode";
import type { Connection, State } from "../connection/connection";
import type { Change } from "../model/items";
import type { Subscriptions } from "../model/subscriptions";
import type { Place, Scope, World } from "../model/world";
import { type Choices, context as contextNode, group, groupOf, namespace, workload } from "./children";
import { Forest } from "./forest";
import { item } from "./item";
import type { Painter } from "./look";
import type { Node, NodeOf, WorkloadAddress } from "./node";
import { Pace } from "./pace";
import { wanted } from "./wanted";

/** How long an opened list shows that it loads, before it shows what there is. */
const patience = 15_000;
/** How often a node is selected until it is, and how long each time is waited for. */
const attempts = 10;
const pause = 500;
const us = "tree";

/** The scheme of the URIs that give nodes their colour. */
export const scheme = "nhctl-node";

/** The tree of contexts, namespaces and workloads. */
export class Tree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly redraw = new vscode.EventEmitter<Node[] | undefined>();
  readonly onDidChangeTreeData = this.redraw.event;
  /** Fires with each change of the world, for those who wait for one. */
  private readonly news = new vscode.EventEmitter<Scope>();

  readonly forest: Forest;
  readonly view: vscode.TreeView<Node>;
  private readonly open = new Set<Node>();
  private readonly disposables: vscode.Disposable[] = [];
  private readonly pace = new Pace(() => this.draw());

  constructor(
    private readonly world: World,
    private readonly subscriptions: Subscriptions,
    private readonly connection: Connection,
    readonly painter: Painter,
    private readonly choices: () => Choices,
    private readonly images: vscode.Uri,
  ) {
    this.forest = new Forest(world, choices);
    this.view = vscode.window.createTreeView("nhctl.workloads", { treeDataProvider: this, showCollapseAll: true });
    this.disposables.push(
      this.view,
      this.redraw,
      this.news,
      this.view.onDidExpandElement(({ element }) => this.opened(element)),
      this.view.onDidCollapseElement(({ element }) => this.closed(element)),
      this.view.onDidChangeVisibility(() => this.subscribe()),
      vscode.window.registerFileDecorationProvider({ provideFileDecoration: muted }),
      connection.onChange((state) => this.connected(state)),
    );
    this.connected(connection.state);
  }

  dispose(): void {
    this.pace.dispose();
    this.subscriptions.want(us, []);
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** Hears of a change of the world. */
  note(scope: Scope, change: Change): void {
    this.forest.note(scope, change);
    this.news.fire(scope);
    this.pace.ask();
  }

  /** Draws all again, as after a change of the choices. */
  refresh(): void {
    this.subscribe();
    this.forest.markAll();
    this.pace.ask();
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node) {
      this.opened(node);
    } else if (this.connection.state.kind === "failed" || this.connection.state.kind === "off") {
      return []; // the view's welcome says why
    }
    await this.loaded(node);
    return this.forest.children(node);
  }

  getParent(node: Node): Node | undefined {
    return node.parent;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const look = this.painter.look(node);
    const made = item(node.id, look, this.images);
    if (look.muted) {
      made.resourceUri = vscode.Uri.from({ scheme, path: `/${node.id}` });
    }
    if (look.command) {
      made.command = { command: look.command.id, title: look.command.title, arguments: [node] };
    }
    return made;
  }

  /** Opens the tree at a workload. It is false if there is no such workload. */
  async reveal(address: WorkloadAddress): Promise<boolean> {
    const context = this.forest.known(contextNode(address.place.context)) as NodeOf<"context">;
    const place = this.forest.known(namespace(context, address.place.namespace)) as NodeOf<"namespace">;
    await vscode.commands.executeCommand("nhctl.workloads.focus");
    await this.getChildren();
    await this.getChildren(context);
    await this.getChildren(place);
    if (!this.world.workloads(address.place).map.has(address.key)) {
      return false;
    }
    const parent = this.forest.known(group(place, groupOf(address.key, this.choices())));
    await this.getChildren(parent);
    await this.select(this.forest.known(workload(parent, address)));
    return true;
  }

  /** Selects a node. VS Code forgets to, without a word, where it happens to draw the tree at that moment. */
  private async select(node: Node): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      await this.view.reveal(node, { select: true, focus: true, expand: true });
      if (await this.selected(node)) {
        return;
      }
    }
  }

  private async selected(node: Node): Promise<boolean> {
    const is = (): boolean => this.view.selection.some(({ id }) => id === node.id);
    if (is()) {
      return true;
    }
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(limit);
        watching.dispose();
        resolve(is());
      };
      const limit = setTimeout(done, pause);
      const watching = this.view.onDidChangeSelection(() => is() && done());
    });
  }

  /** The places whose workloads are known at this moment. */
  places(): Place[] {
    return this.subscriptions
      .scopes()
      .flatMap(({ topic, context, namespace }) =>
        topic === "workloads" && context && namespace ? [{ context, namespace }] : [],
      );
  }

  private opened(node: Node): void {
    if (!this.open.has(node)) {
      this.open.add(node);
      this.subscribe();
    }
  }

  private closed(node: Node): void {
    this.open.delete(node);
    this.subscribe();
  }

  private subscribe(): void {
    this.subscriptions.want(us, wanted(this.open, this.choices(), this.view.visible));
  }

  /** Waits for the first snapshot of a list: VS Code shows its own progress as long as that takes. */
  private async loaded(node: Node | undefined): Promise<void> {
    const items =
      node?.kind === "context"
        ? this.world.namespaces(node.context)
        : node?.kind === "namespace"
          ? this.world.workloads(node.place)
          : node === undefined
            ? this.world.clusters()
            : undefined;
    if (!items || items.loaded) {
      return;
    }
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(limit);
        watching.dispose();
        states.dispose();
        resolve();
      };
      const limit = setTimeout(done, patience);
      const watching = this.news.event(() => items.loaded && done());
      const states = this.connection.onChange(({ kind }) => (kind === "failed" || kind === "off") && done());
    });
  }

  private draw(): void {
    const nodes = this.forest.take();
    if (nodes.includes(undefined)) {
      this.redraw.fire(undefined);
    } else if (nodes.length > 0) {
      this.redraw.fire(nodes.filter((node) => node !== undefined));
    }
  }

  private connected(state: State): void {
    const failed = state.kind === "failed";
    this.view.message = state.kind === "again" ? vscode.l10n.t("nhctl has ended. It is starting again…") : undefined;
    if (failed || state.kind === "ready") {
      this.subscribe();
      this.forest.markAll();
      this.pace.ask();
    }
  }
}

function muted(uri: vscode.Uri): vscode.FileDecoration | undefined {
  return uri.scheme === scheme ? { color: new vscode.ThemeColor("disabledForeground") } : undefined;
}
