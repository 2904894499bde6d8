import type { Items, Topic } from "../model/items";
import type { ConfigService } from "../model/services";
import type { World } from "../model/world";
import { below, contextId, favouritesId, namespaceId, type Node, type NodeOf, workloadId } from "./node";
import type { WorkloadAddress } from "./node";

/** By what the workloads of a namespace are grouped. */
export type Grouping = "kind" | "config";

/** What the tree is made of, in addition to what nhctl tells. */
export interface Choices {
  grouping: Grouping;
  services: readonly ConfigService[];
  favourites: readonly WorkloadAddress[];
}

/** The group of workloads that no config names. */
export const others = "";

/** The children of a node, in their order; of the root if there is none. They are without the parent. */
export function children(node: Node | undefined, world: World, choices: Choices): Node[] {
  switch (node?.kind) {
    case undefined:
      return roots(world, choices);
    case "favourites":
      return choices.favourites.map((address) => workload(node, address));
    case "context":
      return namespaces(node, world);
    case "namespace":
      return groups(node, world, choices);
    case "group":
      return sorted(
        members(node, world, choices).map((key) => workload(node, { place: node.place, key })),
        (one) => one.key.slice(one.key.indexOf("/") + 1),
      );
    case "workload":
      return parts(node, world);
    case "container":
      return ports(node, world);
    case "pods":
      return pods(node, world);
    case "volumes":
      return volumes(node, world);
    default:
      return [];
  }
}

/** The group that a workload is in. */
export function groupOf(key: string, choices: Choices): string {
  if (choices.grouping === "config") {
    return choices.services.find((service) => service.workload === key)?.folder ?? others;
  }
  return key.slice(0, key.indexOf("/"));
}

/** The node of a group. Workloads keep their id whatever they are grouped by. */
export function group(parent: NodeOf<"namespace">, name: string): NodeOf<"group"> {
  return { kind: "group", id: below(parent.id, "group", name || "-"), parent, place: parent.place, group: name };
}

export function workload(parent: Node, { place, key }: WorkloadAddress): NodeOf<"workload"> {
  const list = parent.kind === "favourites" ? favouritesId : namespaceId(place);
  return { kind: "workload", id: workloadId(list, { place, key }), parent, place, key };
}

export function context(name: string): NodeOf<"context"> {
  return { kind: "context", id: contextId(name), parent: undefined, context: name };
}

export function namespace(parent: NodeOf<"context">, name: string): NodeOf<"namespace"> {
  const place = { context: parent.context, namespace: name };
  return { kind: "namespace", id: namespaceId(place), parent, place };
}

function roots(world: World, choices: Choices): Node[] {
  const clusters = world.clusters();
  const list: Node[] = [...clusters.map.values()]
    .sort((a, b) => Number(b.current ?? false) - Number(a.current ?? false) || a.context.localeCompare(b.context))
    .map((cluster) => context(cluster.context));
  if (choices.favourites.length > 0) {
    list.unshift({ kind: "favourites", id: favouritesId, parent: undefined });
  }
  return withMessage(undefined, clusters, list);
}

function namespaces(node: NodeOf<"context">, world: World): Node[] {
  const items = world.namespaces(node.context);
  const usual = world.clusters().map.get(node.context)?.namespace || "default";
  const rank = (name: string): number => (name === usual ? 0 : name.startsWith("kube-") ? 2 : 1);
  const list = [...items.map.keys()].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return withMessage(
    node,
    items,
    list.map((name) => namespace(node, name)),
  );
}

function groups(node: NodeOf<"namespace">, world: World, choices: Choices): Node[] {
  const items = world.workloads(node.place);
  const names = new Set([...items.map.keys()].map((key) => groupOf(key, choices)));
  const order = choices.grouping === "config" ? choices.services.map((service) => service.folder) : kinds;
  const rank = (name: string): number => {
    const at = order.indexOf(name);
    return at >= 0 ? at : order.length + Number(name === others);
  };
  const list = [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return withMessage(
    node,
    items,
    list.map((name) => group(node, name)),
  );
}

const kinds = ["deployment", "statefulset", "daemonset", "job", "cronjob", "pod", "replicaset"];

/** The keys of the workloads of a group. */
export function members(node: NodeOf<"group">, world: World, choices: Choices): string[] {
  return [...world.workloads(node.place).map.keys()].filter((key) => groupOf(key, choices) === node.group);
}

function parts(node: NodeOf<"workload">, world: World): Node[] {
  const item = world.workloads(node.place).map.get(node.key);
  const { place, key } = node;
  const list: Node[] = [];
  for (const session of item?.sessions ?? []) {
    const detail = world.session(place, session.id);
    if (detail?.pod) {
      list.push({ kind: "pod", id: below(node.id, "pod", session.id), parent: node, place, key, session: session.id });
    }
    for (const [forward, port] of [...world.forwards().map].sort((a, b) => a[1].local - b[1].local)) {
      if (port.session === session.id) {
        list.push({ kind: "forward", id: below(node.id, "forward", forward), parent: node, place, key, forward });
      }
    }
  }
  for (const { name } of item?.containers ?? []) {
    list.push({ kind: "container", id: below(node.id, "container", name), parent: node, place, key, name });
  }
  for (const { name } of item?.services ?? []) {
    list.push({ kind: "service", id: below(node.id, "service", name), parent: node, place, key, name });
  }
  if (item?.podCount && item.kind !== "pod") {
    list.push({ kind: "pods", id: below(node.id, "pods"), parent: node, place, key });
  }
  if (item?.volumes?.length) {
    list.push({ kind: "volumes", id: below(node.id, "volumes"), parent: node, place, key });
  }
  return withMessage(node, world.workloads(place), list);
}

function ports(node: NodeOf<"container">, world: World): Node[] {
  const { place, key, name } = node;
  const container = world
    .workloads(place)
    .map.get(key)
    ?.containers?.find((one) => one.name === name);
  return (container?.ports ?? []).map((_, index) => ({
    kind: "port",
    id: below(node.id, String(index)),
    parent: node,
    place,
    key,
    container: name,
    index,
  }));
}

/** The workload's own pods, as far as nhctl tells them one by one. */
function pods(node: NodeOf<"pods">, world: World): Node[] {
  const { place, key } = node;
  const item = world.workloads(place).map.get(key);
  const list: Node[] = (item?.pods ?? []).map(({ name }) => ({
    kind: "ownPod",
    id: below(node.id, "pod", name),
    parent: node,
    place,
    key,
    name,
  }));
  if ((item?.podCount ?? 0) > list.length) {
    list.push({ kind: "message", id: below(node.id, "message"), parent: node, scope: node.id });
  }
  return list;
}

function volumes(node: NodeOf<"volumes">, world: World): Node[] {
  const { place, key } = node;
  return (world.workloads(place).map.get(key)?.volumes ?? []).map(({ name }) => ({
    kind: "volume",
    id: below(node.id, name),
    parent: node,
    place,
    key,
    name,
  }));
}

function sorted<N extends Node>(nodes: N[], by: (node: N) => string): N[] {
  const names = new Map(nodes.map((node) => [node, by(node)]));
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  return nodes.sort((a, b) => compare(names.get(a) ?? "", names.get(b) ?? ""));
}

/** A list with what is wrong with it on top, or with the word that it is empty. */
function withMessage(parent: Node | undefined, items: Items<Topic>, list: Node[]): Node[] {
  const wrong = items.problem !== undefined || (items.loaded && list.length === 0 && parent !== undefined);
  const shown = wrong && parent?.kind !== "workload";
  const message: Node = { kind: "message", id: below(parent?.id ?? "", "message"), parent, scope: parent?.id ?? "" };
  return shown ? [message, ...list] : list;
}
