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

/** A VS Code of a test: its server, with folders of its own, and a browser that shows it. */
export class VSCode {
  readonly root = mkdtempSync(join(tmpdir(), "nhctl-vscode-"));
  readonly workspace = join(this.root, "work", "catalog");
  private server: ChildProcess | undefined;
  private browser: Browser | undefined;
  private address = "";

  constructor(private readonly home: string) {}

  /** Starts the server. With a driver, tests run in the extension host, and dialogs are refused. */
  async start(settings: Record<string, unknown>, vsix: string | undefined): Promise<void> {
    const data = join(this.root, "srv");
    mkdirSync(join(this.workspace, ".dev"), { recursive: true });
    // Those of the machine hold nhctl.path: what depends on a machine is none of the user's settings elsewhere.
    for (const kind of ["User", "Machine"]) {
      mkdirSync(join(data, "data", kind), { recursive: true });
      writeFileSync(join(data, "data", kind, "settings.json"), JSON.stringify({ ...quiet, ...settings }));
    }
    writeFileSync(join(this.workspace, ".dev", "config.yaml"), "name: web\nserviceType: deployment\n");
    writeFileSync(join(this.workspace, "main.go"), "package main\n\nfunc main() {}\n");
    const common = ["--server-data-dir", data, "--extensions-dir", join(this.root, "exts"), "--telemetry-level", "off"];
    const program = join(this.home, "out", "server-main.js");
    const env = {
      ...process.env,
      HOME: this.root,
      XDG_STATE_HOME: join(this.root, "state"),
      NHCTL_NODE: process.execPath,
    };
    if (vsix) {
      const install = [program, ...common, "--accept-server-license-terms", "--install-extension", resolve(vsix)];
      execFileSync(process.execPath, install, { env, stdio: ["ignore", "pipe", "inherit"], timeout: limit });
    }
    const port = await freePort();
    this.address = `127.0.0.1:${port}`;
    const driver = vsix ? [] : ["--enable-smoke-test-driver"];
    const listen = ["--host", "127.0.0.1", "--port", String(port), "--without-connection-token"];
    this.server = spawn(
      process.execPath,
      [program, ...common, ...listen, ...driver, "--accept-server-license-terms", "--disable-workspace-trust"],
      { env, stdio: ["ignore", "ignore", "ignore"] }, // it warns of files that the npm package lacks
    );
    const { server } = this;
    process.once("exit", () => server.kill()); // whoever ends this program ends VS Code
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

  /** Opens the workspace in a page. */
  async open(prepare: (page: Page) => Promise<void>, payload?: [string, string][], dark = true): Promise<Page> {
    const page = await this.browser?.newPage({
      viewport: { width: 1200, height: 760 },
      deviceScaleFactor: 1,
      colorScheme: dark ? "dark" : "light",
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
    if (this.server && this.server.exitCode === null) {
      const gone = new Promise((resolve) => this.server?.once("exit", resolve));
      this.server.kill();
      await gone;
    }
    rmSync(this.root, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 });
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
