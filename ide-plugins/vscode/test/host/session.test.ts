import assert from "node:assert/strict";
import * as vscode from "vscode";
import type * as rpc from "../../src/rpc";
import { folder, session } from "../unit/samples";
import { Harness, own, web, work, world } from "./harness";
import { key } from "./scenario";
import { until } from "./stage";

describe("the session of the folder", () => {
  let harness: Harness;

  before(async () => {
    harness = await Harness.make();
  });

  afterEach(() => harness.leave());

  it("follows a session that nhctl lists before it serves it", async () => {
    const early = session({ workload: web, folder: work, context: "dev", live: false });
    const late = { ...early, live: true };
    const status = key("status", "dev", early.namespace, early.id);
    const none: rpc.Error = { code: "no-session", message: "this folder's workload is not in dev mode here" };
    await harness.play(world({ topics: { [own]: { items: { [early.id]: early } }, [status]: { fail: none } } }));
    await until(() => harness.stage.requests("subscribe").some(({ params }) => params["topic"] === "status"));
    const served = { ...late, sync: [folder()] };
    harness.stage.set(
      world({ topics: { [own]: { items: { [early.id]: late } }, [status]: { items: { [early.id]: served } } } }),
    );
    await harness.stage.tell({ do: "push", topic: own, update: { sessions: { [early.id]: late } } });
    await until(() => harness.api.current.value?.sync?.length === 1);
    await harness.stage.tell({ do: "push", topic: own, update: { gone: [early.id] } });
    await until(() => harness.api.current.value === undefined);
  });

  it("shows the session of the folder in the status bar, and ends it", async () => {
    const live = session({ folder: work, context: "dev", sync: [] });
    await harness.play(
      world({
        topics: { [own]: { items: { [live.id]: live } } },
        calls: { "dev.end": [{ result: { sessions: [] } }] },
      }),
    );
    await until(() => harness.api.current.value?.id === live.id);
    await vscode.commands.executeCommand("nhctl.end");
    assert.deepEqual(harness.stage.requests("dev.end")[0]?.params, {
      caller: { dir: work, context: "dev", namespace: "shop" },
      workload: web,
      session: live.id,
    });
    await harness.stage.tell({ do: "push", topic: own, update: { gone: [live.id] } });
    await until(() => harness.api.current.value === undefined);
  });

  it("offers the end of an abandoned session, once", async () => {
    const said = harness.user.press("showInformationMessage", "End It");
    const lost = session({ id: "lost", folder: work, context: "dev", abandoned: true, live: false });
    await harness.play(
      world({ topics: { [own]: { items: { lost } } }, calls: { "dev.end": [{ result: { sessions: [] } }] } }),
    );
    await until(() => harness.stage.requests("dev.end").length > 0);
    await harness.stage.tell({ do: "push", topic: own, update: { sessions: { lost } } });
    assert.equal(harness.stage.requests("dev.end")[0]?.params["abandoned"], true);
    assert.equal(said.length, 1);
  });
});
