// Uses the packaged extension as a person would, and takes pictures. Usage: node out/host/look.js VSIX FOLDER
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Locator, Page } from "playwright-core";
import type * as rpc from "../../src/rpc";
import { folder, session, workload } from "../unit/samples";
import { Mouse } from "../ui/hands";
import { Screen } from "../ui/screen";
import { decide, undecided } from "./decide";
import { key, type Scenario } from "./scenario";
import { Stage, until, usual } from "./stage";
import { limit, VSCode } from "./vscode";

const shop = ["kind-dev", "shop"] as const;
const recording = resolve("../../nhctl/internal/daemon/rpc/rpcschema/recording/testdata/session.jsonl");

/** A namespace on an ordinary day. */
function day(work: string, now = new Date()): Scenario {
  const ago = (minutes: number): string => new Date(now.getTime() - minutes * 60_000).toISOString();
  const ada = { user: "ada", local: "ada@laptop" };
  const bob = { user: "bob", local: "bob@desk" };
  const eve = { user: "eve", local: "eve@tower" };
  const held = (
    id: string,
    holder: rpc.Holder,
    minutes: number,
    more: Partial<rpc.WorkloadSession> = {},
  ): rpc.WorkloadSession => ({
    id,
    mode: "replace",
    phase: "active",
    holder,
    since: ago(minutes),
    ...more,
  });
  const app = (name: string, more: Partial<rpc.Workload> = {}): [string, rpc.Workload] => {
    const kind = more.kind ?? "deployment";
    const image = `ghcr.io/bookshop/${name}:1.4`;
    const containers = [{ name, image, ports: [{ name: "http", port: 8080, protocol: "TCP" }] }];
    return [`${kind}/${name}`, workload({ name, kind, workload: `${kind}/${name}`, containers, ...more })];
  };
  const live = session({
    id: "s1",
    workload: "deployment/catalog",
    context: "kind-dev",
    folder: work,
    pod: "catalog-nhctl-s1-6d9f7",
    image: "ghcr.io/nhctl/dev-go:1.26",
    link: { state: "up" },
    sync: [folder({ lastSave: { path: "main.go", time: ago(0), seconds: 0.034 } })],
  });
  const named = (...names: string[]): Record<string, rpc.Namespace> =>
    Object.fromEntries(names.map((name) => [name, { name, sources: ["cluster"] }]));
  const cluster = (context: string, current = false): rpc.Cluster => ({
    context,
    cluster: context,
    server: "https://10.0.0.1:6443",
    user: "ada",
    namespace: "shop",
    current,
  });
  return usual({
    services: [{ name: "catalog", serviceType: "deployment" }],
    calls: { "dev.start": [{ recorded: true }], "dev.end": [{ result: { sessions: [] } }] },
    topics: {
      [key("clusters")]: { items: { "kind-dev": cluster("kind-dev", true), staging: cluster("staging") } },
      [key("namespaces", "kind-dev")]: { items: named("shop", "payments", "kube-system") },
      [key("workloads", ...shop)]: {
        items: Object.fromEntries([
          app("catalog", {
            replicas: 0,
            sessions: [held("s1", ada, 40, { mine: true })],
            services: [{ name: "catalog", ports: [{ port: 80, protocol: "TCP", target: "8080" }] }],
          }),
          app("reviews", {
            replicas: 2,
            pods: [
              { name: "reviews-5c9-x7k2p", state: "CrashLoopBackOff", restarts: 4 },
              { name: "reviews-5c9-m41qd", state: "Running", ready: true },
            ],
            podCount: 2,
            volumes: [{ name: "settings", source: "ConfigMap reviews", paths: ["/etc/reviews"] }],
          }),
          app("storefront", { replicas: 3 }),
          app("checkout", { sessions: [held("s2", bob, 95)] }),
          app("mailer", { sessions: [held("s3", eve, 3_000)] }),
          app("orders", { sessions: [held("s4", ada, 0, { mine: true, phase: "entering" })] }),
          app("postgres", { kind: "statefulset", replicas: 1 }),
          app("report", { kind: "cronjob", suspended: true }),
        ]),
      },
      [key("sessions", ...shop)]: {
        items: {
          s1: live,
          s2: session({ id: "s2", mine: false, live: false, holder: bob, workload: "deployment/checkout" }),
          s3: session({
            id: "s3",
            mine: false,
            live: false,
            holder: eve,
            workload: "deployment/mailer",
            abandoned: true,
          }),
        },
      },
      [key("sessions", "", "", "all")]: { items: { s1: live } },
      [key("status", ...shop, "s1")]: { items: { s1: live } },
      [key("forwards")]: {
        items: {
          "s1/8080": {
            local: 8080,
            remote: 8080,
            state: "listening",
            session: "s1",
            namespace: "shop",
            workload: "deployment/catalog",
          },
        },
      },
    },
  });
}

async function tree(page: Page): Promise<void> {
  const row = (label: string): Locator => page.locator(".monaco-list-row", { hasText: label }).first();
  await page.locator('.activitybar a[aria-label^="nhctl"]').click({ timeout: limit });
  await row("kind-dev").click({ timeout: limit });
  await row("shop").click({ timeout: limit });
  await row("Deployments").waitFor({ timeout: limit });
  await row("catalog").click();
  await row("localhost:8080").waitFor({ timeout: limit });
  await page.locator(".statusbar-item", { hasText: "catalog · 34 ms" }).waitFor({ timeout: limit });
}

/** A terminal goes on after a reload, as the same program. */
async function terminal(page: Page, stage: Stage, hands: Mouse): Promise<void> {
  const shown = page.locator(".xterm", { hasText: "dev terminal deployment/catalog" }).first();
  const started = (): string[] => stage.programs().filter((line) => line.startsWith("dev terminal"));
  await hands.command("nhctl: Open Terminal");
  await shown.waitFor({ timeout: limit });
  await hands.reload();
  await shown.waitFor({ timeout: limit });
  assert.equal(started().length, 1, "the terminal was opened again instead of reattached");
}

/** Opens the walkthrough by the keyboard alone. */
async function walkthrough(page: Page): Promise<void> {
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget input.input").fill(">Welcome: Open Walkthrough");
  await page.locator(".quick-input-widget .monaco-list-row").first().waitFor({ timeout: limit });
  await page.keyboard.press("Enter");
  await page.locator(".quick-input-widget", { hasText: "First steps with nhctl" }).waitFor({ timeout: limit });
  await page.keyboard.type("First steps with nhctl");
  await page.keyboard.press("Enter");
  await page.locator(".getting-started-step", { hasText: "Can it work here?" }).waitFor({ timeout: limit });
}

const contrast = {
  "window.autoDetectColorScheme": false,
  "workbench.colorTheme": "Default High Contrast",
};

async function main(vsix: string, pictures: string): Promise<void> {
  const home = execFileSync("test/setup/vscode.sh", { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  const code = new VSCode(home);
  mkdirSync(pictures, { recursive: true });
  try {
    const stage = new Stage(join(code.root, "fake"), resolve("out/host/fake.js"), recording);
    stage.set(day(code.workspace));
    const settings = {
      "nhctl.path": stage.program,
      "window.autoDetectColorScheme": true,
      "terminal.integrated.gpuAcceleration": "off", // which shows text as text
    };
    await code.start(settings, vsix);
    for (const theme of ["dark", "light", "contrast"]) {
      code.set({ ...settings, ...(theme === "contrast" && contrast) });
      const page = await code.open(async () => {}, undefined, theme !== "light");
      try {
        await tree(page);
        await page.locator(".monaco-list-row", { hasText: "reviews" }).first().hover();
        await page.screenshot({ path: join(pictures, `tree-${theme}.png`) });
        await page.locator(".monaco-list-row", { hasText: "reviews" }).first().click();
        await page.locator(".monaco-list-row", { hasText: "1 of 2 ready" }).click({ timeout: limit });
        await page.locator(".monaco-list-row", { hasText: "4 restarts" }).waitFor({ timeout: limit });
        await page.screenshot({ path: join(pictures, `pods-${theme}.png`) });
        if (theme !== "contrast") {
          await walkthrough(page);
          await page.screenshot({ path: join(pictures, `walkthrough-${theme}.png`) });
        }
        if (theme === "dark") {
          await page.locator(".statusbar-item", { hasText: "catalog · 34 ms" }).click();
          await page.locator(".quick-input-widget", { hasText: "Pause Sync" }).waitFor({ timeout: limit });
          await page.screenshot({ path: join(pictures, "menu.png") });
          await page.keyboard.press("Escape");
          await page.locator(".monaco-list-row", { hasText: "reviews" }).first().hover(); // which shows its buttons
          await page.locator('.monaco-list-row:has-text("reviews") [aria-label="Start Dev Mode"]').click();
          await until(() => stage.requests("dev.start").length > 0);
          assert.equal(stage.requests("dev.start")[0]?.params["workload"], "deployment/reviews");
          await terminal(page, stage, new Mouse(new Screen(page, pictures)));
          await page.screenshot({ path: join(pictures, "terminal.png") });
        }
      } catch (error) {
        await page.screenshot({ path: join(pictures, `failed-${theme}.png`) });
        throw error;
      } finally {
        await page.close();
      }
    }
    stage.set(undecided(day(code.workspace), code.workspace));
    for (const theme of ["dark", "light"]) {
      const page = await code.open(async () => {}, undefined, theme === "dark");
      const picture = async (name: string): Promise<void> => {
        await page.screenshot({ path: join(pictures, `${name}-${theme}.png`) });
      };
      try {
        stage.clear();
        await decide(page, stage, code.workspace, picture);
      } catch (error) {
        await picture("failed");
        throw error;
      } finally {
        await page.close();
      }
    }
  } finally {
    await code.close();
  }
}

main(process.argv[2] ?? "", process.argv[3] ?? "out/pictures").catch((error: Error) => {
  process.stderr.write(`error: ${error.stack ?? error.message}\n`);
  process.exitCode = 1;
});
