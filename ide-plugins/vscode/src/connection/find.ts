import { execFile } from "node:child_process";
import { access, constants, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { type Found, newest, onPath, type Origin, versionOf } from "./program";

/** Where to look for nhctl. */
export interface Places {
  /** The setting nhctl.path; "" if it is not set. */
  setting: string;
  /** The folder of the extension, which may have an nhctl. */
  bundle: string;
  env: NodeJS.ProcessEnv;
}

const name = process.platform === "win32" ? "nhctl.exe" : "nhctl";
const limit = { timeout: 20_000, maxBuffer: 64 * 1024, windowsHide: true };

/** The newest nhctl of the setting, PATH and the extension; undefined if there is none. */
export async function find(places: Places): Promise<Found | undefined> {
  const setting = places.setting.replace(/^~(?=[\\/])/, homedir());
  const path = places.env["PATH"] ?? places.env["Path"] ?? "";
  const candidates: [Origin, Promise<string | undefined>][] = [
    ["setting", first(isAbsolute(setting) ? [setting] : [])],
    ["path", first(onPath(name, path, delimiter, join))],
    ["bundled", first([join(places.bundle, "bin", name)])],
  ];
  const found = await Promise.all(
    candidates.map(async ([origin, file]) => {
      const there = await file;
      return there ? await look(there, origin) : undefined;
    }),
  );
  return newest(found.filter((one) => one !== undefined));
}

async function first(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    try {
      await access(file, constants.X_OK);
      if ((await stat(file)).isFile()) {
        return file;
      }
    } catch {
      // the next folder may have one
    }
  }
  return undefined;
}

async function look(path: string, origin: Origin): Promise<Found> {
  const output = await new Promise<string>((resolve) => {
    execFile(path, ["version", "-o", "json"], limit, (error, stdout) => resolve(error ? "" : stdout)).stdin?.end();
  });
  // One that does not say its version counts as the oldest, and is not taken for one that is not there.
  return { path, origin, version: versionOf(output) ?? "", built: (await stat(path)).mtimeMs };
}
