import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { defaults } from "../../src/model/defaults";

const nothing = {
  mode: "config",
  inject: "auto",
  image: "",
  sidecarImage: "",
  profile: "",
  abandonAfter: 0,
  timeout: 0,
};

test("settings that say nothing leave all to nhctl", () => {
  assert.deepEqual(defaults(nothing), {});
  assert.deepEqual(defaults({ ...nothing, mode: "rubbish", inject: "rubbish", timeout: -1 }), {});
});

test("settings, as nhctl takes them", () => {
  assert.deepEqual(
    defaults({
      mode: "duplicate",
      inject: "exec",
      image: "dev:1",
      sidecarImage: "sidecar:1",
      profile: "fast",
      abandonAfter: 2,
      timeout: 0.5,
    }),
    {
      mode: "duplicate",
      byExec: true,
      image: "dev:1",
      sidecarImage: "sidecar:1",
      profile: "fast",
      abandonAfter: 120_000_000_000,
      timeout: 30_000_000_000,
    },
  );
  assert.deepEqual(defaults({ ...nothing, inject: "image" }), { byImage: true });
});

test("a folder's own settings choose no image", () => {
  const { contributes } = JSON.parse(readFileSync("package.json", "utf8")) as {
    contributes: { configuration: { properties: Record<string, { scope?: string }> } };
  };
  for (const [name, { scope }] of Object.entries(contributes.configuration.properties)) {
    assert.ok(!name.toLowerCase().includes("image") || scope === "machine", name);
  }
});
