import { commandLine, type Target } from "../model/target";

/** What a task of type nhctl says in tasks.json. */
export interface Definition {
  type: string;
  command: Command;
  /** A command of the user's own, in the place of the config's. */
  args?: string[];
  workload?: string;
  container?: string;
  session?: string;
  context?: string;
  namespace?: string;
  /** The folder whose config counts. */
  folder?: string;
}

export type Command = "build" | "run" | "test" | "exec";

export const commands: readonly Command[] = ["build", "run", "test", "exec"];

/** The problem matchers of the extension: nhctl has the paths of this computer in what they read. */
export const matchers = ["go", "go-test", "python", "traceback", "traceback-marked", "gcc", "rust", "java"].map(
  (name) => `$nhctl-${name}`,
);

/** The arguments of nhctl for a task; undefined for a definition that is none. */
export function taskLine(definition: Partial<Definition>, kubeconfig: string): string[] | undefined {
  const { command, args = [], workload, container, session, context, namespace } = definition;
  if (!command || !commands.includes(command) || (command === "exec" && args.length === 0)) {
    return undefined;
  }
  const place = { context: context ?? "", namespace: namespace ?? "" };
  return [
    ...commandLine(["dev", command === "exec" ? "run" : command], { workload, container, session, place }, kubeconfig),
    ...(command === "run" ? ["--follow", "--tty"] : []),
    ...(command === "exec" ? ["--once"] : []),
    "--local-paths",
    ...(args.length > 0 ? ["--", ...args] : []),
  ];
}

/** A target as the definition of a task. */
export function definitionOf(command: Command, target: Target): Definition {
  const { workload, container, session, place, folder } = target;
  return {
    type: "nhctl",
    command,
    ...(workload && { workload }),
    ...(container && { container }),
    ...(session && { session }),
    ...(place?.context && { context: place.context }),
    ...(place?.namespace && { namespace: place.namespace }),
    ...(folder && { folder }),
  };
}
