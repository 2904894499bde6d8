import { basename } from "node:path";

/** Where a test is, as `nhctl dev test --at` and the debug adapter take it. */
export function place(path: string, line: number): string {
  return `${path}:${line}`;
}

/** The line of its file that a failed test names first, counted from 1; undefined if it names none. */
export function failedLine(output: string, path: string): number | undefined {
  const name = basename(path).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = new RegExp(`(?:^|[\\s/\\\\("'])${name}(?::|", line )(\\d+)`, "m").exec(output);
  return found?.[1] === undefined ? undefined : Number(found[1]);
}

/** Output as a terminal wants it. */
export function terminalText(output: string): string {
  return output.replace(/\r?\n/g, "\r\n");
}
