import { ofSession, shortName } from "../model/target";
import { type ConfigService, folderOf } from "../model/services";
import type * as rpc from "../rpc";
import type { Translate } from "../text";

/** A debug configuration of type nhctl, as `nhctl dap` takes it. */
export interface Configuration {
  type: "nhctl";
  request: "launch" | "attach";
  name: string;
  workload?: string;
  container?: string;
  session?: string;
  context?: string;
  namespace?: string;
  kubeconfig?: string;
  folder?: string;
  [argument: string]: unknown;
}

/** The configurations that need no launch.json: for the folder's session, and for what configs name without one. */
export function offered(
  session: rpc.Session | undefined,
  services: readonly ConfigService[],
  t: Translate,
): Configuration[] {
  const others = services.filter(
    ({ folder, workload }) => folder !== session?.folder && workload !== session?.workload,
  );
  return [
    ...(session ? ofCurrent(session, t) : []),
    ...others.map(({ workload, folder }) => ({
      type: "nhctl" as const,
      request: "launch" as const,
      name: t("Debug {0} in the cluster", shortName(workload)),
      workload,
      folder,
      start: true,
    })),
  ];
}

function ofCurrent(session: rpc.Session, t: Translate): Configuration[] {
  const { place, workload, folder } = ofSession(session);
  const common = {
    type: "nhctl" as const,
    workload,
    session: session.id,
    ...(place?.context && { context: place.context }),
    namespace: session.namespace,
    ...(folder && { folder }),
  };
  const name = shortName(workload);
  return [
    { ...common, request: "launch", name: t("Debug {0} in the cluster", name) },
    { ...common, request: "attach", name: t("Attach to {0} in the cluster", name) },
  ];
}

/** The configuration for a file: of the deepest folder around it, or else the first. */
export function around(path: string | undefined, all: readonly Configuration[]): Configuration | undefined {
  const folders = all.flatMap(({ folder }) => folder ?? []);
  const folder = path === undefined ? undefined : folderOf(path, folders);
  return (folder && all.find((one) => one.folder === folder)) || all[0];
}

/** Nocalhost's configuration as one of nhctl's; undefined if it is no such thing. */
export function ofNocalhost(given: { type?: unknown; request?: unknown; name?: unknown }): Configuration | undefined {
  return given.type === "nocalhost" && given.request === "attach"
    ? { type: "nhctl", request: "launch", name: typeof given.name === "string" ? given.name : "nhctl" }
    : undefined;
}

/** What a debug adapter hands over: a configuration for another extension to debug with. */
export function handedOver(body: unknown): { type: string; request: string; name: string } | undefined {
  if (typeof body !== "object" || body === null) {
    return undefined;
  }
  const { configuration } = body as { configuration?: unknown };
  const given = (configuration ?? body) as { type?: unknown; request?: unknown; name?: unknown };
  if (typeof given.type !== "string" || given.type === "nhctl") {
    return undefined;
  }
  const request = typeof given.request === "string" ? given.request : "attach";
  return { ...given, type: given.type, request, name: typeof given.name === "string" ? given.name : given.type };
}

/** The types that others debug, and the extension for each that VS Code does not have by itself. */
export const extensions: Readonly<Record<string, { id: string; title: string } | undefined>> = {
  java: { id: "vscjava.vscode-java-debug", title: "Debugger for Java" },
};
/** The types that VS Code debugs by itself. */
export const builtIn: readonly string[] = ["node", "pwa-node"];
