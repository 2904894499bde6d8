import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Api } from "../../src/extension";
import type * as rpc from "../../src/rpc";
import { barText } from "../../src/model/bar";
import { folder, full, session } from "../unit/samples";
import { key, type Reply, type Scenario } from "./scenario";
import { Stage, until, usual } from "./stage";
import { User } from "./user";

const root = process.env["NHCTL_TEST_ROOT"] ?? "";
const work = join(root, "work", "catalog");
const here = join(__dirname, "../..");
const recording = join(here, "../../nhctl/internal/daemon/rpc/rpcschema/recording/testdata/session.jsonl");
const file = join(work, "main.go");
const topics = { own: key("sessions", "", "", "all"), status: key("status", "dev", "shop", "03825a12") };

const conflict: rpc.SyncVersion = {
  folder: work,
  side: "remote",
  id: "main.go/20261129T091400.000000000Z.conflict",
  path: "main.go",
  time: "2026-11-29T09:14:00Z",
  reason: "conflict",
  bytes: 7,
};
const earlier: rpc.SyncVersion = { ...conflict, side: "local", id: "main.go/earlier.replaced", reason: "replaced" };

function content(text: string): Reply {
  return { result: { content: Buffer.from(text).toString("base64") } satisfies rpc.SyncContent };
}

function remedy(title: string, action: string, more: object = {}): rpc.Remedy {
  return { title, method: "dev.sync.do", params: { session: "03825a12", path: "", action, ...more } };
}

const resolving = [
  remedy("take this computer's content", "resolve", { side: "local", path: work }),
  remedy("leave it as it is now", "resolve", { path: work }),
];

describe("sync in the editor", () => {
  const stage = new Stage(join(root, "fake"), join(here, "out/host/fake.js"), recording);
  const user = new User(vscode.window);
  let api: Api;

  const run = (command: string, ...args: unknown[]): Promise<unknown> =>
    Promise.resolve(vscode.commands.executeCommand(`nhctl.${command}`, ...args));
  const done = (): unknown[] =>
    stage.requests("dev.sync.do").map(({ params: { caller, session: of, ...rest } }) => {
      assert.deepEqual(caller, { dir: work, context: "dev", namespace: "shop" });
      assert.equal(of, "03825a12");
      return rest;
    });
  const tabs = (): vscode.Tab[] => vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  const diff = (): vscode.TabInputTextDiff | undefined =>
    tabs()
      .map(({ input }) => input)
      .find((input) => input instanceof vscode.TabInputTextDiff);
  const read = async (uri: vscode.Uri): Promise<string> => (await vscode.workspace.openTextDocument(uri)).getText();
  const sync = (more: Partial<rpc.SyncData>): rpc.Session =>
    session({ folder: work, context: "dev", sync: [folder({ folder: work, ...more })] });

  /** Plays a session with a state of sync. */
  async function play(more: Partial<rpc.SyncData>, calls: Scenario["calls"]): Promise<void> {
    const live = sync(more);
    const items = { [live.id]: live };
    stage.set(usual({ calls, topics: { [topics.own]: { items }, [topics.status]: { items } } }));
    stage.clear();
    await run("restart");
    await until(() => stage.requests("subscribe").some(({ params }) => params["topic"] === "status"));
    await until(() => JSON.stringify(api.current.value?.sync) === JSON.stringify(live.sync), "the session is shown");
  }

  before(async () => {
    writeFileSync(file, "package main // mine\n");
    const extension = vscode.extensions.getExtension<Api>("nhctl.nhctl");
    assert.ok(extension);
    api = await extension.activate();
  });

  afterEach(async () => {
    user.leave();
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });

  it("compares a conflict's contents, takes theirs, and closes the comparison", async () => {
    const replies = {
      "dev.sync.versions": [{ result: [conflict] }],
      "dev.sync.content": [content("package theirs\n")],
    };
    await play({ conflicts: 1, conflictPaths: ["main.go"] }, { ...replies, "dev.sync.do": [{ result: { files: 1 } }] });
    await run("conflicts");
    const open = await until(diff);
    assert.equal(open.modified.fsPath, file);
    assert.equal(await read(open.original), "package theirs\n");
    const [asked] = stage.requests("dev.sync.content");
    assert.deepEqual(asked?.params, {
      caller: { dir: work, context: "dev", namespace: "shop" },
      session: "03825a12",
      path: file,
      side: "remote",
      version: conflict.id,
    });
    await run("keepTheirs", open.modified);
    assert.deepEqual(done(), [{ workload: "deployment/web", action: "resolve", path: file, side: "remote" }]);
    await until(() => !diff());
  });

  it("saves what was merged by hand before it keeps the file as it is", async () => {
    const replies = {
      "dev.sync.versions": [{ result: [conflict] }],
      "dev.sync.content": [content("package theirs\n")],
    };
    await play({ conflicts: 1, conflictPaths: ["main.go"] }, { ...replies, "dev.sync.do": [{ result: { files: 1 } }] });
    await run("compareConflict", vscode.Uri.file(file));
    await until(diff);
    const edit = new vscode.WorkspaceEdit();
    edit.insert(vscode.Uri.file(file), new vscode.Position(0, 0), "// merged\n");
    await vscode.workspace.applyEdit(edit);
    await run("keepAsIs", vscode.Uri.file(file));
    assert.deepEqual(done(), [{ workload: "deployment/web", action: "resolve", path: file, side: "" }]);
    assert.match(await read(vscode.Uri.file(file)), /^\/\/ merged/);
    assert.equal((await vscode.workspace.openTextDocument(file)).isDirty, false);
  });

  it("closes the comparison of a conflict that was decided elsewhere, and no other", async () => {
    const other = { ...conflict, path: "api.go" };
    const versions = [{ result: [conflict] }, { result: [conflict] }, { result: [] }];
    const replies = { "dev.sync.versions": versions, "dev.sync.content": [content("theirs")] };
    const both = { conflicts: 2, conflictPaths: ["main.go", other.path] };
    await play(both, replies);
    await run("compareConflict", vscode.Uri.file(file));
    await until(diff);
    const push = (more: Partial<rpc.SyncData>): Promise<void> =>
      stage.tell({ do: "push", topic: topics.status, update: { status: { "03825a12": sync(more) } } });
    await push({}); // the pod could not be asked for a moment
    await until(() => stage.requests("dev.sync.versions").length === 2);
    assert.ok(diff(), "nhctl says that it is still there");
    await push(both);
    await push({ conflicts: 1, conflictPaths: [other.path] });
    await until(() => !diff());
  });

  it("lists conflicts with the decisions about all of them", async () => {
    const two = [conflict, { ...conflict, path: "api.go", side: "local" }];
    await play(
      { conflicts: 2, conflictPaths: ["main.go", "api.go"], remedies: resolving },
      { "dev.sync.versions": [{ result: two }], "dev.sync.do": [{ result: { files: 2 } }] },
    );
    const lists = user.pick("Take this computer's content");
    await run("conflicts");
    assert.deepEqual(
      lists[0]?.map((one) => one.replace(/of .* is kept/, "is kept")),
      [
        "$(git-merge) main.go: mine is in place, theirs is kept",
        "$(git-merge) api.go: theirs is in place, mine is kept",
        "All 2 in catalog",
        "Take this computer's content",
        "Leave it as it is now",
      ],
    );
    assert.deepEqual(done(), [{ workload: "deployment/web", action: "resolve", path: work, side: "local" }]);
  });

  it("shows a file's versions, and restores the one that is open", async () => {
    const replies = { "dev.sync.versions": [{ result: [conflict, earlier] }], "dev.sync.content": [content("before")] };
    await play({}, { ...replies, "dev.sync.do": [{ result: { files: 1 } }] });
    const lists: string[][] = [];
    user.stub("showQuickPick", (items: vscode.QuickPickItem[]) => {
      lists.push(items.map(({ description, detail }) => `${description}: ${detail}`));
      return Promise.resolve(items[1]);
    });
    await run("versions", vscode.Uri.file(file));
    assert.deepEqual(lists, [
      [
        "the container's · 7 B: both sides had changed it, and no one has decided yet",
        "this computer's · 7 B: the container had a newer content",
      ],
    ]);
    const open = await until(diff);
    assert.equal(await read(open.original), "before");
    assert.equal(stage.requests("dev.sync.content")[0]?.params["side"], "local");
    await run("restoreVersion");
    assert.deepEqual(done(), [{ action: "restore", path: file, side: "local", version: earlier.id }]);
    await until(() => !diff());
    await until(() => vscode.window.activeTextEditor?.document.uri.fsPath === file);
  });

  it("shows the version of a file that is gone by itself", async () => {
    const gone = { ...earlier, path: "gone.go", reason: "deleted" };
    await play({}, { "dev.sync.versions": [{ result: [gone] }], "dev.sync.content": [content("was here")] });
    user.pick("gone.go");
    await run("versions", vscode.Uri.file(work));
    const editor = await until(() => vscode.window.activeTextEditor);
    assert.deepEqual([editor.document.uri.scheme, editor.document.getText()], ["nhctl-version", "was here"]);
    await assert.rejects(Promise.resolve(vscode.workspace.fs.writeFile(editor.document.uri, Buffer.from("x"))));
  });

  it("says why a version can't be shown", async () => {
    const error: rpc.Error = { code: "refused", message: "this version of main.go has more than 8 MB" };
    await play({}, { "dev.sync.versions": [{ result: [earlier] }], "dev.sync.content": [{ error }] });
    user.pick("");
    await run("versions", vscode.Uri.file(file));
    const open = await until(diff);
    await assert.rejects(read(open.original), /more than 8 MB/);
  });

  it("lists deletions that wait, and restores the files", async () => {
    const held: rpc.HeldData = { side: "local", files: 40, of: 41, paths: ["data/1", "data/2"] };
    const remedies = [remedy("delete on the other side too", "accept"), remedy("restore the files", "restore")];
    await play({ state: "held", held, remedies }, { "dev.sync.do": [{ result: { action: "restore", files: 40 } }] });
    const lists = user.pick("Restore the files");
    await run("deletions");
    assert.deepEqual(lists, [
      [
        "catalog",
        "$(trash) Delete on the other side too: 40 of 41 files were deleted on this computer",
        "$(discard) Restore the files: 40 of 41 files were deleted on this computer",
        "Deleted",
        "$(file) data/1",
        "$(file) data/2",
        "and 38 more",
      ],
    ]);
    assert.deepEqual(done(), [{ workload: "deployment/web", action: "restore", path: "" }]);
  });

  it("asks what nhctl asks before it overrides the container", async () => {
    const error: rpc.Error = {
      code: "confirm",
      message: "this needs a yes: whatever differs in the container is replaced or deleted there",
      hint: "agree with: nhctl dev sync override --yes",
      question: {
        id: "override 03825a12",
        text: "whatever differs in the container is replaced or deleted there",
        choices: [{ id: "yes", title: "replace and delete in the container" }],
      },
    };
    await play({}, { "dev.sync.do": [{ error }, { result: { action: "override", files: 3 } }] });
    const dialogs: unknown[] = [];
    user.stub("showWarningMessage", (message: string, options: vscode.MessageOptions, ...items: unknown[]) => {
      dialogs.push([message, options]);
      return Promise.resolve(items[0]);
    });
    await run("overrideSync");
    const asked = "Whatever differs in the container is replaced or deleted there";
    assert.deepEqual(dialogs, [[asked, { modal: true, detail: "" }]]);
    assert.deepEqual(done(), [
      { workload: "deployment/web", action: "override" },
      { workload: "deployment/web", action: "override", answers: { "override 03825a12": "yes" } },
    ]);
  });

  it("tells of a full disk in the status bar, and once in words, until sync has gone on", async () => {
    await play({}, {});
    const said = user.press("showWarningMessage");
    const push = (more: Partial<rpc.SyncData>): Promise<void> => {
      const live = sync(more);
      return stage
        .tell({ do: "push", topic: topics.status, update: { status: { "03825a12": live } } })
        .then(() => until(() => JSON.stringify(api.current.value?.sync) === JSON.stringify(live.sync), "it is shown"))
        .then(() => undefined);
    };
    const word = (): string => barText(api.current.value ?? session(), vscode.l10n.t).text;
    const there = full({ side: "remote", folder: "/home/dev/src" });
    const lacking = { state: "syncing", filesToGo: 1, full: [there] };
    for (let i = 0; i < 20; i++) {
      await push({ ...lacking, full: [{ ...there, free: i }] }); // as it tries again and again
    }
    assert.equal(word(), "$(error) web · the pod's disk is full");
    await push({ ...lacking, full: [there, full({ side: "local", folder: work })] });
    assert.equal(word(), "$(error) web · this disk is full");
    await push({});
    assert.equal(word(), "$(check) web · in sync");
    await push(lacking);
    assert.deepEqual(
      said.map((text) => text.split(".")[0]),
      ["The disk in the pod is full", "The disk of this computer is full", "The disk in the pod is full"],
    );
    assert.match(
      said[0] ?? "",
      /\/home\/dev\/src needs 2\.5 MB more, .* give the pod a larger volume: sync then goes on/,
    );
  });

  it("says what to do where nhctl's own disk is full", async () => {
    const error: rpc.Error = {
      code: "disk-full",
      message: "write /home/ada/.local/state/nhctl/sessions/03825a12/session.json: no space left on device",
      hint: "the disk of /home/ada/.local/state/nhctl is full, or its quota used up: make room there, and do it again",
    };
    await play({}, { "dev.sync.do": [{ error }] });
    const said = user.press("showErrorMessage");
    await run("pauseSync");
    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", /no space left on device\. The disk of .* make room there, and do it again\.$/);
  });

  it("pauses, resumes and resets, from the menu of the status bar too", async () => {
    await play({ state: "paused" }, { "dev.sync.do": [{ result: { files: 0 } }] });
    await run("pauseSync");
    await run("resetSync");
    user.pick("Resume Sync");
    await run("sessionMenu");
    assert.deepEqual(
      done().map((one) => (one as rpc.SyncDo).action),
      ["pause", "reset", "resume"],
    );
  });

  it("opens the rule by which a file is not synced", async () => {
    const rules = join(work, ".gitignore");
    writeFileSync(rules, "# logs\n*.log\n");
    const result: rpc.Reason = {
      path: "debug.log",
      synced: false,
      rule: "*.log",
      file: ".gitignore",
      source: rules,
      line: 2,
      text: 'ignored by "*.log" in .gitignore, line 2',
    };
    await play({}, { "dev.sync.explain": [{ result }] });
    const said = user.press("showInformationMessage", "Open Rule");
    await run("explain", vscode.Uri.file(join(work, "debug.log")));
    assert.deepEqual(said, ['debug.log: ignored by "*.log" in .gitignore, line 2']);
    const editor = await until(() => vscode.window.activeTextEditor);
    assert.deepEqual([editor.document.uri.fsPath, editor.selection.active.line], [rules, 1]);
    rmSync(rules);
  });
});
