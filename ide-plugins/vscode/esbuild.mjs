// Bundles the extension into dist/, or with "tests" the tests into out/.
import { build } from "esbuild";
import { readdirSync, rmSync } from "node:fs";

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
  const tests = (folder) => readdirSync(folder).filter((name) => name.endsWith(".test.ts"));
  const bundle = async (folder, names) => {
    const outdir = `out/${folder}`;
    rmSync(outdir, { recursive: true, force: true }); // a test that has another name by now would run, too
    const entryPoints = names.map((name) => `test/${folder}/${name}`);
    await build({ ...common, entryPoints, outdir, sourcemap: true });
  };
  await bundle("unit", tests("test/unit"));
  await bundle("host", ["index.ts", "main.ts", "look.ts", "untrusted.ts", "fake.ts", ...tests("test/host")]);
  await bundle("ui", ["main.ts"]);
} else {
  await build({
    ...common,
    entryPoints: { extension: "src/extension.ts", language: "src/language/client.ts" },
    outdir: "dist",
    minify: production,
    sourcemap: !production,
  });
}
