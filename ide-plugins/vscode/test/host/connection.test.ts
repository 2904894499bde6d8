import assert from "node:assert/strict";
import * as vscode from "vscode";
import { workload } from "../unit/samples";
import { Harness, shop, web, world } from "./harness";
import { tell } from "./report";
import { key } from "./scenario";
import { until } from "./stage";

describe("the connection to nhctl", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
    tell(`   activated in ${Math.round(harness.api.activation)} ms`);
  });

  afterEach(() => harness.leave());

  it("goes on after nhctl was killed, and after garbage", async () => {
    await harness.play(world());
    await harness.open("dev", "shop");
    for (const trouble of ["die", "garbage"] as const) {
      const starts = harness.stage.starts();
      await harness.stage.tell({ do: trouble });
      await until(() => harness.stage.starts() > starts);
      await harness.ready();
      harness.stage.clear();
      await harness.stage.tell({
        do: "push",
        topic: key("workloads", ...shop),
        update: { workloads: { [web]: workload({ replicas: 7 }) } },
      });
      await until(
        () =>
          harness.api.tree.painter.state({ place: { context: "dev", namespace: "shop" }, key: web })?.word ===
          "7 replicas",
      );
    }
  });

  it("says in words that nhctl is too old, and starts when that has changed", async () => {
    harness.stage.set(world({ old: true }));
    await vscode.commands.executeCommand("nhctl.restart");
    await until(() => harness.api.connection.state.kind === "failed");
    assert.deepEqual(await harness.api.tree.getChildren(), []);
    assert.equal(
      harness.api.connection.problem(harness.api.connection.state).message,
      "this nhctl is too old for the extension",
    );
    await harness.play(world());
    assert.deepEqual(harness.labels(await harness.open()), ["dev", "prod"]);
  });
});
