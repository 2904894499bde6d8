import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long anything may take that the machine has to do. */
export const limit = 180_000;

/** Whose VS Code it is. */
export interface User {
  /** The folder of VS Code's own files, which is removed in the end. */
  root: string;
  /** The folder that is opened. */
  workspace: string;
  env: NodeJS.ProcessEnv;
}

/** A user with nothing but a small workspace. */
export function plainUser(): User {
  const root = mkdtempSync(join(tmpdir(), "nhctl-vscode-"));
  const workspace = join(root, "work", "catalog");
  mkdirSync(join(workspace, ".dev"), { recursive: true });
  writeFileSync(join(workspace, ".dev", "config.yaml"), "name: web\nserviceType: deployment\n");
  writeFileSync(join(workspace, "main.go"), "package main\n\nfunc main() {}\n");
  return { root, workspace, env: { ...process.env, HOME: root, XDG_STATE_HOME: join(root, "state") } };
}

/** A VS Code of a test: its server, with folders of its own, and a browser that shows it. */
export class VSCode {
  readonly root: string;
  readonly workspace: string;
  private readonly env: NodeJS.ProcessEnv;
  private server: ChildProcess | undefined;
  private browser: Browser | undefined;
  private address = "";

  constructor(
    private readonly home: string,
    { root, workspace, env }: User = plainUser(),
  ) {
    this.root = root;
    this.workspace = workspace;
    this.env = { ...env, NHCTL_NODE: process.execPath };
  }

  /**
   * Starts the server. Without a packed extension, tests run in the extension host, and dialogs are refused. With
   * trust, VS Code trusts no folder before the user says so.
   */
  async start(settings: Record<string, unknown>, vsix: string | undefined, trust = false): Promise<void> {
    const data = join(this.root, "srv");
    this.set(settings);
    const { env } = this;
    const common = ["--server-data-dir", data, "--extensions-dir", join(this.root, "exts"), "--telemetry-level", "off"];
    const accept = "--accept-server-license-terms";
    const program = join(this.home, "out", "server-main.js");
    if (vsix) {
      const install = [program, ...common, accept, "--install-extension", resolve(vsix)];
      execFileSync(process.execPath, install, { env, stdio: ["ignore", "pipe", "inherit"], timeout: limit });
    }
    const port = await freePort();
    this.address = `127.0.0.1:${port}`;
    const driver = vsix ? [] : ["--enable-smoke-test-driver"];
    const listen = ["--host", "127.0.0.1", "--port", String(port), "--without-connection-token"];
    this.server = spawn(
      process.execPath,
      [program, ...common, ...listen, ...driver, ...(trust ? [] : ["--disable-workspace-trust"]), accept],
      { env, stdio: ["ignore", "ignore", "ignore"], detached: true }, // it warns of files that the npm package lacks
    );
    const { server } = this;
    process.once("exit", () => signal(server, "SIGKILL")); // whoever ends this program ends VS Code
    process.once("SIGTERM", () => process.exit(1));
    const end = Date.now() + limit;
    while (!(await answers(`http://${this.address}/version`))) {
      if (Date.now() > end || server.exitCode !== null) {
        throw new Error("VS Code's server does not answer");
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    this.browser = await chromium.launch({ executablePath: browserPath(), args: flags, timeout: limit });
  }

  /** Writes the settings for the pages that are opened from now on. */
  set(settings: Record<string, unknown>): void {
    // Those of the machine hold nhctl.path: what depends on a machine is none of the user's settings elsewhere.
    for (const kind of ["User", "Machine"]) {
      const folder = join(this.root, "srv", "data", kind);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "settings.json"), JSON.stringify({ ...quiet, ...settings }));
    }
  }

  /** Opens the workspace in a page. */
  async open(prepare: (page: Page) => Promise<void>, payload?: [string, string][], dark = true): Promise<Page> {
    const page = await this.browser?.newPage({
      viewport: { width: 1200, height: 760 },
      deviceScaleFactor: 1,
      colorScheme: dark ? "dark" : "light",
      permissions: ["clipboard-read", "clipboard-write"], // or else the page would ask, and no one answer
    });
    if (!page) {
      throw new Error("there is no browser");
    }
    await prepare(page);
    const given = payload ? `&payload=${encodeURIComponent(JSON.stringify(payload))}` : "";
    await page.goto(`http://${this.address}/?folder=${this.workspace}${given}`, { timeout: limit });
    return page;
  }

  /** The URI by which the page knows a file of this computer. */
  remote(path: string): string {
    return `vscode-remote://${this.address}${resolve(path)}`;
  }

  async close(): Promise<void> {
    await this.browser?.close();
    // What the extension runs outlives the server by some seconds, and would write into folders that are removed.
    for (let i = 0; this.server && signal(this.server, i < 100 ? "SIGTERM" : "SIGKILL"); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    rmSync(this.root, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 });
  }
}

/** Sends a signal to a program and all that it has started. It is false if none of them is there. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(-pid, name);
  } catch {
    return false;
  }
}

const quiet = {
  "workbench.startupEditor": "none",
  "chat.disableAIFeatures": true,
  "chat.commandCenter.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "extensions.ignoreRecommendations": true,
};

function browserPath(): string {
  const path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((file) =>
    existsSync(file),
  );
  return process.env["NHCTL_CHROMIUM"] ?? path ?? "chromium";
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
