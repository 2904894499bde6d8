// Opens a folder that the user does not trust: no nhctl runs, and no config is rendered. Usage: node out/host/untrusted.js VSIX
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { Stage, until } from "./stage";
import { limit, VSCode } from "./vscode";

async function command(page: Page, name: string): Promise<void> {
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget input.input").fill(`>${name}`);
  await page.locator(".quick-input-widget .monaco-list-row", { hasText: name }).first().waitFor({ timeout: limit });
  await page.keyboard.press("Enter");
}

async function main(vsix: string): Promise<void> {
  const home = execFileSync("test/setup/vscode.sh", { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  const code = new VSCode(home);
  try {
    const stage = new Stage(join(code.root, "fake"), resolve("out/host/fake.js"), "");
    const settings = {
      "nhctl.path": stage.program,
      "security.workspace.trust.startupPrompt": "never",
      "security.workspace.trust.untrustedFiles": "open",
    };
    await code.start(settings, vsix, true);
    const page = await code.open(async () => {});
    const says = page.getByText("nhctl runs nothing in a folder that you don't trust.");
    await page.locator('.activitybar a[aria-label^="nhctl"]').click({ timeout: limit });
    await says.first().waitFor({ timeout: limit });
    await command(page, "nhctl: Doctor");
    await page.locator(".notification-toast", { hasText: "don't trust" }).waitFor({ timeout: limit });
    assert.deepEqual(stage.commands(), [], "nothing runs, and no config is rendered");

    // The same folder, trusted: what did not run before does now.
    await command(page, "Workspaces: Manage Workspace Trust");
    await page
      .locator(".workspace-trust-editor .monaco-button", { hasText: "Trust" })
      .first()
      .click({ timeout: limit });
    await until(() => stage.commands().some((line) => line.startsWith("ide")), "nhctl runs", limit);
    await until(() => stage.commands().some((line) => line.startsWith("config show")), "the config is read", limit);
    process.stdout.write("ok - in a folder that is not trusted, nothing runs before it is\n");
  } finally {
    await code.close();
  }
}

main(process.argv[2] ?? "").catch((error: Error) => {
  process.stderr.write(`error: ${error.stack ?? error.message}\n`);
  process.exitCode = 1;
});
