import { below } from "../model/paths";
import type * as rpc from "../rpc";
import type { Translate } from "../text";

/** Why a file needs the user: both sides changed it, or its deletion waits. */
export type Mark = "conflict" | "deletedHere" | "deletedThere";

/** How a marked file looks. */
export interface MarkLook {
  badge: string;
  color: string;
  tooltip: string;
}

/** The files of a session that need the user, by their absolute paths. */
export function marks(session: rpc.Session | undefined): Map<string, Mark> {
  const all = new Map<string, Mark>();
  for (const one of session?.sync ?? []) {
    const root = rootOf(one, session);
    const mark = (paths: readonly string[] | null | undefined, as: Mark): void =>
      paths?.forEach((path) => {
        const whole = below(root, path);
        if (whole) {
          all.set(whole, as);
        }
      });
    mark(one.held?.paths, one.held?.side === "remote" ? "deletedThere" : "deletedHere");
    mark(one.conflictPaths, "conflict");
  }
  return all;
}

/** The folder on this computer that is synced. */
export function rootOf(one: rpc.SyncData, session: rpc.Session | undefined): string {
  return one.folder || session?.folder || "";
}

/** The paths whose mark is another one now. */
export function changes(before: ReadonlyMap<string, Mark>, after: ReadonlyMap<string, Mark>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
}

export function markLook(mark: Mark, t: Translate): MarkLook {
  switch (mark) {
    case "conflict":
      return {
        badge: "!",
        color: "gitDecoration.conflictingResourceForeground",
        tooltip: t("Both sides changed this file: decide which content counts"),
      };
    case "deletedThere":
      return {
        badge: "D",
        color: "gitDecoration.deletedResourceForeground",
        tooltip: t("Deleted in the container: decide whether it is deleted here too"),
      };
    case "deletedHere":
      return {
        badge: "D",
        color: "gitDecoration.deletedResourceForeground",
        tooltip: t("Deleted on this computer: decide whether it is deleted in the container too"),
      };
  }
}
