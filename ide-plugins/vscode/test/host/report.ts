import { appendFileSync } from "node:fs";

/** Says something to the terminal: what the extension host prints gets lost in VS Code's own noise. */
export function tell(line: string): void {
  appendFileSync(process.env["NHCTL_TEST_REPORT"] ?? "", `${line}\n`);
}
