/** Where an nhctl was found. */
export type Origin = "setting" | "path" | "bundled";

/** An nhctl on this computer. */
export interface Found {
  path: string;
  origin: Origin;
  version: string;
  /** When the file was written, in milliseconds: it orders builds of one release. */
  built: number;
}

/**
 * The newest one, by release and then by the time of its file, as nhctl itself orders builds. Of equal ones the first
 * wins. A development build ("devel") is newer than any release: whoever has one wants it.
 */
export function newest(found: readonly Found[]): Found | undefined {
  return found.reduce<Found | undefined>((best, next) => (best && compare(best, next) >= 0 ? best : next), undefined);
}

function compare(a: Found, b: Found): number {
  const first = numbers(a.version);
  const second = numbers(b.version);
  for (let i = 0; i < 3; i++) {
    const difference = (first[i] ?? 0) - (second[i] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return a.version === b.version ? 0 : a.built - b.built;
}

function numbers(version: string): number[] {
  if (version.startsWith("dev")) {
    return [Infinity, 0, 0];
  }
  const [release = ""] = version.replace(/^v/, "").split("+");
  return release.split(".", 3).map((text) => Number.parseInt(text, 10) || 0);
}

/** The version in what `nhctl version -o json` prints; undefined where that is something else. */
export function versionOf(output: string): string | undefined {
  try {
    const document: unknown = JSON.parse(output);
    const version = typeof document === "object" && document ? (document as { version?: unknown }).version : undefined;
    return typeof version === "string" && version !== "" ? version : undefined;
  } catch {
    return undefined;
  }
}

/** The files that a PATH leads to. */
export function onPath(name: string, path: string, separator: string, join: (...parts: string[]) => string): string[] {
  const folders = path.split(separator).filter((folder) => folder !== "" && folder !== ".");
  return [...new Set(folders)].map((folder) => join(folder, name));
}
