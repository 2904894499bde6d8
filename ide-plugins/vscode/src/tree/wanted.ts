import type { Scope } from "../model/world";
import type { Choices } from "./children";
import type { Node } from "./node";

/**
 * The subscriptions that the tree needs: those of nodes that are open, and whose parents are. A context that no one has
 * opened is not dialled.
 */
export function wanted(open: Iterable<Node>, choices: Choices, visible: boolean): Scope[] {
  if (!visible) {
    return [];
  }
  const nodes = [...open];
  const ids = new Set(nodes.map((node) => node.id));
  const shown = (node: Node): boolean => ids.has(node.id) && (node.parent === undefined || shown(node.parent));
  const scopes: Scope[] = [{ topic: "clusters" }, { topic: "forwards" }];
  for (const node of nodes.filter(shown)) {
    if (node.kind === "context") {
      scopes.push({ topic: "namespaces", context: node.context });
    } else if (node.kind === "namespace") {
      scopes.push({ topic: "workloads", ...node.place }, { topic: "sessions", ...node.place });
    } else if (node.kind === "favourites") {
      for (const { place } of choices.favourites) {
        scopes.push({ topic: "workloads", ...place }, { topic: "sessions", ...place });
      }
    }
  }
  return scopes;
}
