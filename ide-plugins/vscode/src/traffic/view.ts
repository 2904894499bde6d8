import * as vscode from "vscode";
import type { Clockwork } from "../model/state";
import type { Subscriptions } from "../model/subscriptions";
import type { Scope, World } from "../model/world";
import { item } from "../tree/item";
import { Pace } from "../tree/pace";
import { entries, type Entry, look } from "./entries";

const us = "traffic";

/** The view of this computer's routes and tunnels: what each does, and the last requests that came here. */
export class TrafficView implements vscode.TreeDataProvider<Entry>, vscode.Disposable {
  private readonly redraw = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.redraw.event;
  readonly view: vscode.TreeView<Entry>;
  private readonly pace = new Pace(() => this.redraw.fire(undefined));
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly world: World,
    private readonly subscriptions: Subscriptions,
    private readonly at: Clockwork,
    private readonly images: vscode.Uri,
  ) {
    this.view = vscode.window.createTreeView("nhctl.traffic", { treeDataProvider: this });
    this.disposables = [this.view, this.redraw, this.pace, this.view.onDidChangeVisibility(() => this.subscribe())];
    this.subscribe();
  }

  dispose(): void {
    this.subscriptions.want(us, []);
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** Hears of a change of the world. */
  note({ topic }: Scope): void {
    if (topic === "overview") {
      this.pace.ask();
    }
  }

  getChildren(parent?: Entry): Entry[] {
    return entries(parent, this.world.overview());
  }

  getTreeItem(entry: Entry): vscode.TreeItem {
    return item(entry.id, look(entry, this.world.overview(), this.at, vscode.l10n.t), this.images);
  }

  /** While no one looks, nothing asks whether the far ends answer. */
  private subscribe(): void {
    this.subscriptions.want(us, this.view.visible ? [{ topic: "overview" }] : []);
  }
}
