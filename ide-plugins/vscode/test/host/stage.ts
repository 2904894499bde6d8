import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import type { Command, Request, Scenario } from "./scenario";

/** The scenario of most tests: one cluster with a namespace, and two workloads in it. */
export function usual(more: Partial<Scenario> = {}): Scenario {
  return { version: "v0.1.0", protocol: 1, topics: {}, calls: {}, services: [], ...more };
}

/** A fake nhctl in a folder of its own, from the side of a test. */
export class Stage {
  readonly program: string;

  constructor(
    readonly folder: string,
    fake: string,
    recording: string,
  ) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    this.program = join(folder, "nhctl");
    const env = `FAKE_NHCTL='${folder}' FAKE_NHCTL_RECORDING='${recording}'`;
    writeFileSync(
      this.program,
      `#!/bin/sh\n${env} exec '${process.env["NHCTL_NODE"] ?? process.execPath}' '${fake}' "$@"\n`,
    );
    chmodSync(this.program, 0o755);
    this.set(usual());
  }

  set(scenario: Scenario): void {
    writeFileSync(join(this.folder, "scenario.json"), JSON.stringify(scenario));
  }

  /** Forgets the requests of tests before. */
  clear(): void {
    rmSync(join(this.folder, "requests.jsonl"), { force: true });
  }

  requests(method?: string): Request[] {
    return this.lines("requests.jsonl").filter((request) => !method || request.method === method);
  }

  /** What debug adapters were asked. */
  adapters(): { command: string; arguments: Record<string, unknown> }[] {
    return this.lines("dap.jsonl") as unknown as { command: string; arguments: Record<string, unknown> }[];
  }

  /** How often nhctl was started. */
  starts(): number {
    const file = join(this.folder, "started");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").length : 0;
  }

  /** Tells the fake that runs what to do. */
  async tell(command: Command): Promise<void> {
    const socket = await until(() => readdirSync(this.folder).find((name) => name.endsWith(".sock")));
    await new Promise<void>((resolve) => {
      const connection = createConnection(join(this.folder, socket));
      connection.on("connect", () => connection.write(`${JSON.stringify(command)}\n`));
      connection.on("data", () => resolve());
      connection.on("error", () => resolve()); // one that was told to die does not answer
      connection.on("close", () => resolve());
    });
    if (command.do === "die") {
      rmSync(join(this.folder, socket), { force: true });
    }
  }

  private lines(name: string): Request[] {
    const file = join(this.folder, name);
    const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
    return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as Request);
  }
}

/** Waits for a condition, and says what was missing. */
export async function until<T>(
  condition: () => T,
  what = condition.toString(),
  limit = 120_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + limit;
  for (;;) {
    const value = condition();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`this did not come true: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
