import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
    // Its version is asked at each start, which needs no Node.
    writeFileSync(
      this.program,
      `#!/bin/sh
if [ "$1" = version ]; then
  echo '["version"]' >>'${join(folder, "commands.jsonl")}'
  exec cat '${join(folder, "version.json")}'
fi
${env} exec '${process.env["NHCTL_NODE"] ?? process.execPath}' '${fake}' "$@"
`,
    );
    chmodSync(this.program, 0o755);
    this.set(usual());
  }

  set(scenario: Scenario): void {
    this.put("version.json", { version: scenario.version });
    this.put("scenario.json", scenario);
  }

  /** Writes a file in one step: the fake may read it at any time. */
  private put(name: string, content: object): void {
    const path = join(this.folder, name);
    writeFileSync(`${path}.new`, JSON.stringify(content));
    renameSync(`${path}.new`, path);
  }

  /** Forgets the requests of tests before. */
  clear(): void {
    for (const name of ["requests", "dap", "programs", "commands"]) {
      rmSync(join(this.folder, `${name}.jsonl`), { force: true });
    }
  }

  requests(method?: string): Request[] {
    return this.lines("requests.jsonl").filter((request) => !method || request.method === method);
  }

  /** The command lines of programs in the dev container. */
  programs(): string[] {
    return (this.lines("programs.jsonl") as unknown as string[][]).map((line) => line.join(" "));
  }

  /** Ends the programs that wait for it. */
  endPrograms(): void {
    writeFileSync(join(this.folder, "end"), "");
  }

  /** What debug adapters were asked. */
  adapters(): { command: string; arguments: Record<string, unknown> }[] {
    return this.lines("dap.jsonl") as unknown as { command: string; arguments: Record<string, unknown> }[];
  }

  /** The command lines that were run. */
  commands(): string[] {
    return (this.lines("commands.jsonl") as unknown as string[][]).map((line) => line.join(" "));
  }

  /** How often nhctl was started. */
  starts(): number {
    return this.started().length;
  }

  /** The process of each nhctl that has started, by its number. */
  private started(): string[] {
    const file = join(this.folder, "started");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  /** Tells the fake that runs what to do. */
  async tell(command: Command): Promise<void> {
    // One that was told to end may take a while, and still have its socket.
    const pid = await until(() => this.started().at(-1), "nhctl runs");
    const socket = `${pid}.sock`;
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

/** The pause between two looks at a condition. */
const pause = 20;

/** Waits for a condition, and says what was missing. The limit is counted in looks: on a busy computer it is longer. */
export async function until<T>(
  condition: () => T,
  what = condition.toString(),
  limit = 120_000,
): Promise<NonNullable<T>> {
  for (let waited = 0; ; waited += pause) {
    const value = condition();
    if (value) {
      return value;
    }
    if (waited > limit) {
      throw new Error(`this did not come true: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
