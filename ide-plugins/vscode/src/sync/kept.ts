import { below } from "../model/paths";
import type { Clockwork } from "../model/state";
import type * as rpc from "../rpc";
import { label, type Translate } from "../text";

/** The scheme of the documents that show kept versions. */
export const scheme = "nhctl-version";

/** What a document of a version is about: it is in the query of the document's URI. */
export interface Kept {
  session: string;
  context: string;
  namespace: string;
  side: string;
  version: string;
  /** When the version was kept, in milliseconds since 1970. */
  time: number;
  bytes: number;
  /** Whether it is one of two contents that the user has to decide about. */
  conflict: boolean;
}

/** The document's query, which `keptOf` reads. */
export function query(session: rpc.Session, version: rpc.SyncVersion): string {
  const kept: Kept = {
    session: session.id,
    context: session.context ?? "",
    namespace: session.namespace,
    side: version.side,
    version: version.id,
    time: Date.parse(version.time) || 0,
    bytes: version.bytes,
    conflict: version.reason === "conflict",
  };
  return JSON.stringify(kept);
}

/** What a query says; undefined if it is none of `query`. */
export function keptOf(query: string): Kept | undefined {
  try {
    const kept = JSON.parse(query) as Partial<Kept> | null;
    const texts = [kept?.session, kept?.context, kept?.namespace, kept?.side, kept?.version];
    const numbers = [kept?.time, kept?.bytes];
    const whole =
      texts.every((one) => typeof one === "string") &&
      numbers.every((one) => typeof one === "number") &&
      typeof kept?.conflict === "boolean";
    return whole ? (kept as Kept) : undefined;
  } catch {
    return undefined;
  }
}

/** The file that a version is of; undefined if it is none below its folder. */
export function fileOfVersion(version: rpc.SyncVersion): string | undefined {
  return below(version.folder, version.path);
}

/** How a version is listed. */
export interface VersionLook {
  label: string;
  description: string;
  detail: string;
}

/** A version in words. Where a list has those of several files, the file comes first. */
export function versionLook(version: rpc.SyncVersion, several: boolean, at: Clockwork, t: Translate): VersionLook {
  const when = at(new Date(version.time));
  const whose = version.side === "local" ? t("this computer's") : t("the container's");
  const size = version.target ? t("link to {0}", label(version.target)) : sizeOf(version.bytes);
  return {
    label: several ? label(version.path) : when,
    description: [...(several ? [when] : []), whose, size].join(" · "),
    detail: reasonOf(version, t),
  };
}

function reasonOf({ reason, side }: rpc.SyncVersion, t: Translate): string {
  const here = side === "local";
  const reasons: Record<string, string> = {
    replaced: here ? t("the container had a newer content") : t("this computer had a newer content"),
    deleted: here ? t("the container deleted it") : t("this computer deleted it"),
    moved: here ? t("the container moved it") : t("this computer moved it"),
    conflict: t("both sides had changed it, and no one has decided yet"),
    first: t("the two sides differed when sync began"),
  };
  return reasons[reason] ?? label(reason);
}

/** A size as people read it. */
export function sizeOf(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let size = Math.max(0, bytes);
  let unit = 0;
  for (; size >= 1_000 && unit < units.length - 1; unit++) {
    size /= 1_000;
  }
  return `${unit === 0 || size >= 10 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** The newest conflict of each file: of several losers, nhctl takes that one. The list is newest first. */
export function newest(versions: readonly rpc.SyncVersion[]): rpc.SyncVersion[] {
  const files = new Map<string, rpc.SyncVersion>();
  for (const version of versions) {
    const file = fileOfVersion(version);
    if (file && !files.has(file)) {
      files.set(file, version);
    }
  }
  return [...files.values()];
}
