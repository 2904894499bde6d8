import { basename, sep } from "node:path";

/** A service that the config of an open folder names. */
export interface ConfigService {
  /** The folder that has the config. */
  folder: string;
  /** How people know the folder. */
  title: string;
  /** "deployment/web" */
  workload: string;
}

/** The folder that a file is in, among those with a config: the deepest one. */
export function folderOf(path: string, folders: readonly string[]): string | undefined {
  return folders
    .filter((folder) => path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep))
    .sort((a, b) => b.length - a.length)[0];
}

/** The services in what `nhctl config show -o json` prints. */
export function services(folder: string, output: string): ConfigService[] {
  let list: unknown;
  try {
    list = JSON.parse(output);
  } catch {
    return [];
  }
  return (Array.isArray(list) ? list : []).flatMap((one: { name?: unknown; serviceType?: unknown } | null) =>
    typeof one?.name === "string" && typeof one.serviceType === "string"
      ? [{ folder, title: basename(folder), workload: `${one.serviceType.toLowerCase() || "deployment"}/${one.name}` }]
      : [],
  );
}
