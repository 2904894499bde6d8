import type { Change } from "../model/items";
import type { Place, Scope, World } from "../model/world";
import { children, type Choices } from "./children";
import { contextId, favouritesId, namespaceId, type Node, workloadIds } from "./node";

/** So many nodes drawn again at once cost more than the list that they are in. */
const many = 200;

/** The nodes that are shown, each one object as long as it is, and which of them have to be drawn again. */
export class Forest {
  private readonly nodes = new Map<string, Node>();
  private readonly shown = new Map<string, string[]>();
  /** Nodes to draw again, by their ids, and those whose lists are others. The root is "". */
  private readonly dirty = new Set<string>();
  private readonly lists = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly choices: () => Choices,
  ) {}

  /** The children of a node, or of the root. */
  children(parent: Node | undefined): Node[] {
    const list = children(parent, this.world, this.choices()).map((node) => this.known(node));
    if (!this.shown.has(parent?.id ?? "")) {
      this.lists.delete(parent?.id ?? ""); // drawn for the first time: once more would be in the way of that
    }
    const before = this.shown.get(parent?.id ?? "") ?? [];
    const ids = new Set(list.map((node) => node.id));
    before.filter((id) => !ids.has(id)).forEach((id) => this.forget(id));
    this.shown.set(parent?.id ?? "", [...ids]);
    return list;
  }

  node(id: string): Node | undefined {
    return this.nodes.get(id);
  }

  /** The object that stands for a node, with its present parent. */
  known(node: Node): Node {
    const known = this.nodes.get(node.id);
    if (!known) {
      this.nodes.set(node.id, node);
      return node;
    }
    known.parent = node.parent && this.known(node.parent);
    return known;
  }

  /** Notes what a change of the world means for the tree. */
  note(scope: Scope, change: Change): void {
    const place: Place = { context: scope.context ?? "", namespace: scope.namespace ?? "" };
    switch (scope.topic) {
      case "clusters":
        this.markList(change.list && "");
        this.mark(...change.changed.map(contextId));
        break;
      case "namespaces":
        this.markList(change.list && contextId(place.context));
        this.mark(...change.changed.map((namespace) => namespaceId({ context: place.context, namespace })));
        break;
      case "workloads":
        this.markList(change.list && namespaceId(place), change.list && favouritesId);
        this.mark(...change.changed.flatMap((key) => workloadIds({ place, key })));
        break;
      case "sessions":
        if (scope.allClusters) {
          break;
        }
        this.mark(...this.ofSessions(place, change));
        break;
      case "forwards":
        this.mark(...this.withSessions());
        break;
      case "status":
      case "sync":
      case "overview":
        break; // of other views
    }
  }

  /** Draws everything again. */
  markAll(): void {
    this.mark("");
  }

  /** The nodes to draw again, as few as say it all; undefined stands for the root. Afterwards there are none. */
  take(): (Node | undefined)[] {
    const marked = new Set([...this.dirty, ...this.lists]);
    this.dirty.clear();
    this.lists.clear();
    const ids = [...marked].filter((id) => id === "" || this.nodes.has(id));
    if (ids.includes("")) {
      return [undefined];
    }
    const nodes = ids.flatMap((id) => this.nodes.get(id) ?? []);
    const list = nodes.length <= many ? nodes : [...new Set(nodes.map((node) => listOf(node)))];
    const chosen = new Set(list);
    return list.filter((node) => !above(node).some((one) => chosen.has(one)));
  }

  private mark(...ids: string[]): void {
    ids.forEach((id) => this.dirty.add(id));
  }

  private markList(...ids: (string | false)[]): void {
    ids.forEach((id) => id !== false && this.lists.add(id));
  }

  /** The workloads that sessions are about: all that have one if sessions came or went. */
  private ofSessions(place: Place, change: Change): string[] {
    const sessions = this.world.sessions(place).map;
    const keys = new Set(change.changed.flatMap((id) => sessions.get(id)?.workload ?? []));
    if (change.list) {
      for (const [key, workload] of this.world.workloads(place).map) {
        if (workload.sessions?.length) {
          keys.add(key);
        }
      }
    }
    return [...keys].flatMap((key) => workloadIds({ place, key }));
  }

  private withSessions(): string[] {
    return [...this.nodes.values()]
      .filter((node) => node.kind === "workload")
      .filter((node) => this.world.workloads(node.place).map.get(node.key)?.sessions?.length)
      .map((node) => node.id);
  }

  private forget(id: string): void {
    this.shown.get(id)?.forEach((child) => this.forget(child));
    this.shown.delete(id);
    this.nodes.delete(id);
  }
}

function listOf(node: Node): Node {
  return node.kind === "workload" || node.kind === "group" ? (node.parent ? listOf(node.parent) : node) : node;
}

function above(node: Node): Node[] {
  return node.parent ? [node.parent, ...above(node.parent)] : [];
}
