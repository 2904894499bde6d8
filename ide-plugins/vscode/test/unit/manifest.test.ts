import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

interface Manifest {
  activationEvents: string[];
  contributes: {
    commands: { command: string; title: string; icon?: string | { light: string; dark: string } }[];
    menus: Record<string, { command: string }[]>;
    viewsWelcome: { contents: string; when: string }[];
    walkthroughs: { steps: { id: string; description: string; media: { svg: string } }[] }[];
  };
}

const read = (file: string): string => readFileSync(file, "utf8");
const table = (file: string): Record<string, string> => JSON.parse(read(file)) as Record<string, string>;
const manifest = JSON.parse(read("package.json")) as Manifest;
const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => read(join("src", file)))
  .join("\n");

test("each command is declared and registered", () => {
  const declared = manifest.contributes.commands.map(({ command }) => command).sort();
  const registered = [...sources.matchAll(/^\s+"(nhctl\.\w+)": \(/gm)].map(([, id]) => id).sort();
  assert.deepEqual(registered, declared);
  for (const { command } of Object.values(manifest.contributes.menus).flat()) {
    assert.ok(declared.includes(command), command);
  }
  for (const { contents } of manifest.contributes.viewsWelcome) {
    for (const [, command] of (table("package.nls.json")[contents.slice(1, -1)] ?? "").matchAll(
      /command:(nhctl\.\w+)/g,
    )) {
      assert.ok(declared.includes(command ?? ""), command);
    }
  }
});

test("the manifest's texts are in English and Chinese", () => {
  const used = [...new Set([...read("package.json").matchAll(/"%([\w.]+)%"/g)].map(([, name]) => name))].sort();
  const english = table("package.nls.json");
  const chinese = table("package.nls.zh-cn.json");
  assert.deepEqual(Object.keys(english).sort(), used);
  assert.deepEqual(Object.keys(chinese).sort(), used);
  for (const [name, text] of Object.entries(chinese)) {
    assert.match(text, /[\u4e00-\u9fff]/, name);
    const links = (of: string | undefined): string[] =>
      [...(of ?? "").matchAll(/\]\(([^)]*)\)/g)].map(([, to]) => to ?? "");
    assert.deepEqual(links(text), links(english[name]), name);
  }
});

test("the code's texts are in English and Chinese", () => {
  const used = [...sources.matchAll(/\bt\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')/g)].map(
    ([, double, single]) => JSON.parse(`"${double ?? single?.replace(/"/g, '\\"') ?? ""}"`) as string,
  );
  const chinese = table("l10n/bundle.l10n.zh-cn.json");
  assert.ok(used.length > 50);
  assert.deepEqual(Object.keys(chinese).sort(), [...new Set(used)].sort());
  for (const [english, text] of Object.entries(chinese)) {
    const holes = (of: string): string[] => (of.match(/\{\d\}/g) ?? []).sort();
    assert.deepEqual(holes(text), holes(english), english);
  }
});

test("icons are there, for light and dark", () => {
  const files = readdirSync("images");
  for (const { command, icon } of manifest.contributes.commands) {
    if (typeof icon === "object") {
      assert.notEqual(icon.light, icon.dark, command);
      assert.ok(
        files.includes(icon.light.slice("images/".length)) && files.includes(icon.dark.slice("images/".length)),
        command,
      );
    }
  }
});

test("it wakes up for those who use it alone, and sends nothing to anyone", () => {
  for (const event of manifest.activationEvents) {
    assert.match(
      event,
      /^(workspaceContains:(\*\/)?\.(dev|nocalhost)\/|on(Debug|FileSystem|Uri|TaskType|TerminalProfile))/,
    );
  }
  assert.doesNotMatch(sources, /telemetry|\bfetch\(|node:https?\b|XMLHttpRequest|WebSocket/i);
});

test("the walkthrough has pictures, and commands that are there", () => {
  const { steps } = manifest.contributes.walkthroughs[0] ?? { steps: [] };
  const declared = manifest.contributes.commands.map(({ command }) => command);
  assert.ok(steps.length > 5);
  for (const { id, description, media } of steps) {
    assert.match(read(media.svg), /^<svg [^>]*viewBox/, id);
    const text = table("package.nls.json")[description.slice(1, -1)] ?? "";
    const links = [...text.matchAll(/command:([\w.]+)/g)].map(([, command]) => command ?? "");
    assert.ok(links.length > 0, id);
    assert.ok(
      links.every((command) => declared.includes(command) || command === "nhctl.workloads.focus"),
      id,
    );
  }
});
