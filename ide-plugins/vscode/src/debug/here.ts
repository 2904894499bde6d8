import type { DebugConfiguration } from "vscode";

/**
 * A launch configuration of this computer whose program runs behind a command, `nhctl run … --`, and so in the
 * cluster's network with a workload's environment and files; undefined for a debugger that can't be told to.
 */
export function behind(command: readonly string[], given: DebugConfiguration): DebugConfiguration | undefined {
  const { type, request } = given;
  if (request !== "launch") {
    return undefined;
  }
  const [program = "", ...args] = command;
  switch (type) {
    case "node":
    case "pwa-node": {
      const runtime = text(given["runtimeExecutable"]) || "node";
      return { ...given, runtimeExecutable: program, runtimeArgs: [...args, runtime, ...list(given["runtimeArgs"])] };
    }
    case "python":
    case "debugpy": {
      // As its extension has it, a string or a list; without one, it is what the user has chosen for the folder.
      const own = [...list(given["python"]), text(given["python"])].filter((word) => word !== "");
      const python = own.length > 0 ? own : ["${command:python.interpreterPath}"];
      return { ...given, python: [program, ...args, ...python] };
    }
    default:
      return undefined;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
