import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";

/** Says something to the terminal: what the extension host prints gets lost in VS Code's own noise. */
export function tell(line: string): void {
  appendFileSync(process.env["NHCTL_TEST_REPORT"] ?? "", `${line}\n`);
}

/** Notes which test runs, for whoever has to say which one did not end. */
export function begin(test: string): void {
  writeFileSync(`${process.env["NHCTL_TEST_REPORT"] ?? ""}.running`, test);
}

/** The test that runs, or was the last to run. */
export function running(report: string): string {
  const file = `${report}.running`;
  return existsSync(file) ? readFileSync(file, "utf8") : "none";
}
