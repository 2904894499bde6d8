import type * as rpc from "../rpc";
import type { Place } from "./world";

/** What a command is about. All may be missing: nhctl then takes what the folder's config names. */
export interface Target {
  place?: Place;
  workload?: string;
  session?: string;
  container?: string;
  /** The folder whose config counts. */
  folder?: string;
}

/** The target in a command's arguments: a node of the tree, or a workload and the folder of its config. */
export function targetOf(argument: unknown, folder?: unknown): Target {
  if (typeof argument === "string") {
    return { workload: argument, ...(typeof folder === "string" && { folder }) };
  }
  if (typeof argument !== "object" || argument === null) {
    return {};
  }
  const given = argument as Record<string, unknown>;
  const text = (name: string): string | undefined =>
    typeof given[name] === "string" && given[name] !== "" ? given[name] : undefined;
  const place = given["place"] as Place | undefined;
  const context = text("context");
  const namespace = text("namespace");
  return {
    place: place ?? (context || namespace ? { context: context ?? "", namespace: namespace ?? "" } : undefined),
    workload: text("workload") ?? text("key"),
    session: text("session"),
    container: text("container") ?? (given["kind"] === "container" ? text("name") : undefined),
    folder: text("folder"),
  };
}

/** The target of a session that nhctl has told of. */
export function ofSession(session: rpc.Session): Target {
  return {
    place: { context: session.context ?? "", namespace: session.namespace },
    workload: session.workload,
    session: session.id,
    folder: session.folder,
  };
}

/** The parameters of a call about a target. */
export function targetParams(target: Target, defaults: Partial<rpc.Caller>): rpc.Params<rpc.Target> {
  const caller: Partial<rpc.Caller> = {
    ...defaults,
    ...(target.folder && { dir: target.folder }),
    ...(target.place?.context && { context: target.place.context }),
    ...(target.place?.namespace && { namespace: target.place.namespace }),
  };
  return {
    caller,
    ...(target.workload && { workload: target.workload }),
    ...(target.session && { session: target.session }),
    ...(target.container && { container: target.container }),
  };
}

/** How people call a workload: its name alone. */
export function shortName(workload: string | undefined): string {
  return workload?.slice(workload.indexOf("/") + 1) ?? "";
}

/**
 * The session that a folder is synced in, among those of this computer: the user's own, first that of the file in
 * front, then the deepest folder.
 */
export function sessionOf(
  sessions: Iterable<rpc.Session>,
  folders: readonly string[],
  inside: (path: string, folder: string) => boolean,
  front?: string,
): rpc.Session | undefined {
  const around = ({ folder = "" }: rpc.Session): number => Number(front !== undefined && inside(front, folder));
  return [...sessions]
    .filter(({ mine, folder }) => mine && folder)
    .filter(({ folder = "" }) => folders.some((open) => inside(open, folder) || inside(folder, open)))
    .sort(
      (a, b) => around(b) - around(a) || (b.folder ?? "").length - (a.folder ?? "").length || a.id.localeCompare(b.id),
    )[0];
}

/** The arguments of `nhctl dev terminal`, or of another command about a target. */
export function commandLine(command: readonly string[], target: Target, kubeconfig: string): string[] {
  const flag = (name: string, value: string | undefined): string[] => (value ? [`--${name}`, value] : []);
  return [
    ...command,
    ...(target.workload ? [target.workload] : []),
    ...flag("session", target.session),
    ...flag("container", target.container),
    ...flag("kubeconfig", kubeconfig),
    ...flag("context", target.place?.context),
    ...flag("namespace", target.place?.namespace),
  ];
}

/** A command line as a POSIX shell reads it. */
export function quoted(line: readonly string[]): string {
  return line.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`)).join(" ");
}
