import { isAbsolute, join, relative } from "node:path";

/** Whether a path is a folder, or below it. */
export function inside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!/^\.\.(?:[\\/]|$)/.test(way) && !isAbsolute(way));
}

/** Whether two paths are of the same file, as this system compares names. */
export function same(a: string, b: string): boolean {
  return relative(a, b) === "";
}

/** Where a path with slashes is below a folder. The pod may have named it: undefined if it leads elsewhere. */
export function below(folder: string, path: string): string | undefined {
  const whole = join(folder, path);
  return folder !== "" && !same(folder, whole) && inside(whole, folder) ? whole : undefined;
}
