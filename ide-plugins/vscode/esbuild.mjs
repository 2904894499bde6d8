// Bundles the extension into dist/, or with "tests" the tests into out/.
import { build } from "esbuild";
import { readdirSync } from "node:fs";

const production = process.argv.includes("--production");
const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: ["vscode", "mocha", "playwright-core"],
  logLevel: "warning",
};

if (process.argv.includes("tests")) {
  const unit = readdirSync("test/unit").filter((name) => name.endsWith(".test.ts"));
  await build({ ...common, entryPoints: unit.map((name) => `test/unit/${name}`), outdir: "out/unit", sourcemap: true });
  const host = ["index", "main", "look", "fake", "extension.test"].map((name) => `test/host/${name}.ts`);
  await build({ ...common, entryPoints: host, outdir: "out/host", sourcemap: true });
} else {
  await build({
    ...common,
    entryPoints: { extension: "src/extension.ts", language: "src/language/client.ts" },
    outdir: "dist",
    minify: production,
    sourcemap: !production,
  });
}
