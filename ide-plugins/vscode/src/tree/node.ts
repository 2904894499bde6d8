import type { Place } from "../model/world";

/**
 * A node of the tree is an address: where it is, not how it looks. Its object stays the same as long as it is shown, by
 * which VS Code knows it again.
 */
export type Node =
  | Base<"favourites">
  | (Base<"context"> & { context: string })
  | (Base<"namespace"> & { place: Place })
  | (Base<"group"> & { place: Place; group: string })
  | (Base<"workload"> & WorkloadAddress)
  | (Base<"container"> & WorkloadAddress & { name: string })
  | (Base<"port"> & WorkloadAddress & { container: string; index: number })
  | (Base<"service"> & WorkloadAddress & { name: string })
  | (Base<"pod"> & WorkloadAddress & { session: string })
  | (Base<"pods"> & WorkloadAddress)
  | (Base<"ownPod"> & WorkloadAddress & { name: string })
  | (Base<"volumes"> & WorkloadAddress)
  | (Base<"volume"> & WorkloadAddress & { name: string })
  | (Base<"forward"> & WorkloadAddress & { forward: string })
  | (Base<"message"> & { scope: string });

export type Kind = Node["kind"];
export type NodeOf<K extends Kind> = Extract<Node, { kind: K }>;
export type WorkloadNode = NodeOf<"workload">;

/** Where a workload is. */
export interface WorkloadAddress {
  place: Place;
  /** Its key in the topic of workloads, "deployment/web". */
  key: string;
}

interface Base<K extends string> {
  kind: K;
  /** Names the node in the whole tree. */
  id: string;
  parent: Node | undefined;
}

/** The id of a node below another one. The parts may have any character. */
export function below(parent: string, ...parts: string[]): string {
  return [parent, ...parts.map(encodeURIComponent)].filter((part) => part !== "").join("/");
}

export const favouritesId = "favourites";

export function contextId(context: string): string {
  return below("context", context);
}

export function namespaceId(place: Place): string {
  return below(contextId(place.context), place.namespace);
}

/** The ids of a workload: it may be among the favourites, too. */
export function workloadIds({ place, key }: WorkloadAddress): [string, string] {
  return [workloadId(namespaceId(place), { place, key }), workloadId(favouritesId, { place, key })];
}

export function workloadId(list: string, { place, key }: WorkloadAddress): string {
  return list === favouritesId ? below(list, place.context, place.namespace, key) : below(list, "workload", key);
}
