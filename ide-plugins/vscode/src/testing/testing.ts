import { spawn } from "node:child_process";
import * as vscode from "vscode";
import type { Connection } from "../connection/connection";
import type { Folders } from "../folders";
import { commandLine, ofSession, type Target } from "../model/target";
import type { Nhctl } from "../nhctl";
import type * as rpc from "../rpc";
import { settings } from "../settings";
import { plain, words } from "../text";
import { Finder } from "./finder";
import { failedLine, place, terminalText } from "./results";

/** How a test came out. */
interface Result {
  /** 0 says that it has passed; undefined that it was ended. */
  code: number | undefined;
  output: string;
}

/** More of a failed test's output than this is in the run's output alone. */
const most = 64 * 1024;

/** The tests of Go and Python, run and debugged in the dev container by nhctl. */
export class Testing implements vscode.Disposable {
  private readonly controller = vscode.tests.createTestController(
    "nhctl.tests",
    vscode.l10n.t("nhctl: in the cluster"),
  );
  readonly finder: Finder;
  private readonly disposables: vscode.Disposable[];
  /** The exit codes of tests under a debugger, by the number of their debug session. */
  private readonly exits = new Map<number, number>();
  private sessions = 0;

  constructor(
    private readonly nhctl: Nhctl,
    connection: Connection,
    folders: Folders,
    private readonly current: () => rpc.Session | undefined,
  ) {
    this.finder = new Finder(this.controller, connection, folders, current);
    const { Run, Debug } = vscode.TestRunProfileKind;
    this.disposables = [
      this.finder,
      this.controller,
      this.profile(vscode.l10n.t("Run in the Cluster"), Run, (run, test, token) => this.run(run, test, token)),
      this.profile(vscode.l10n.t("Debug in the Cluster"), Debug, (run, test, token) => this.debug(run, test, token)),
      vscode.debug.registerDebugAdapterTrackerFactory("nhctl", {
        createDebugAdapterTracker: ({ configuration }) => this.tracker(configuration["__test"]),
      }),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  private profile(
    name: string,
    kind: vscode.TestRunProfileKind,
    one: (run: vscode.TestRun, test: vscode.TestItem, token: vscode.CancellationToken) => Promise<Result>,
  ): vscode.TestRunProfile {
    return this.controller.createRunProfile(name, kind, (request, token) => this.each(request, token, one), true);
  }

  /** Runs the tests of a request, one after the other: they share a container. */
  private async each(
    request: vscode.TestRunRequest,
    token: vscode.CancellationToken,
    one: (run: vscode.TestRun, test: vscode.TestItem, token: vscode.CancellationToken) => Promise<Result>,
  ): Promise<void> {
    const run = this.controller.createTestRun(request);
    try {
      const tests = await this.wanted(request);
      tests.forEach((test) => run.enqueued(test));
      for (const test of tests) {
        if (token.isCancellationRequested) {
          run.skipped(test);
          continue;
        }
        run.started(test);
        const began = Date.now();
        try {
          conclude(run, test, await one(run, test, token), Date.now() - began);
        } catch (error) {
          run.errored(test, new vscode.TestMessage(words(error)));
        }
      }
    } finally {
      run.end();
    }
  }

  /** The tests of a request, without the files that they are in. */
  private async wanted({ include, exclude }: vscode.TestRunRequest): Promise<vscode.TestItem[]> {
    const tests = new Map<string, vscode.TestItem>();
    const add = async (item: vscode.TestItem): Promise<void> => {
      if (exclude?.includes(item)) {
        return;
      }
      if (item.parent) {
        tests.set(item.id, item);
        return;
      }
      if (item.children.size === 0) {
        await this.controller.resolveHandler?.(item);
      }
      for (const [, child] of item.children) {
        await add(child);
      }
    };
    for (const item of include ?? [...this.controller.items].map(([, item]) => item)) {
      await add(item);
    }
    return [...tests.values()];
  }

  private async run(run: vscode.TestRun, test: vscode.TestItem, token: vscode.CancellationToken): Promise<Result> {
    const nhctl = await this.nhctl.path();
    if (!nhctl) {
      throw new Error(this.nhctl.missing());
    }
    const { target, at } = this.meant(test);
    const line = commandLine(["dev", "test"], target, settings.kubeconfig());
    const child = spawn(nhctl, [...line, "--at", at, "--tty=false", "--local-paths"], {
      cwd: target.folder,
      windowsHide: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const cancelling = token.onCancellationRequested(() => child.kill());
    let output = "";
    const hear = (text: string): void => {
      output = (output + text).slice(-most);
      run.appendOutput(terminalText(text), undefined, test);
    };
    child.stdout.setEncoding("utf8").on("data", hear);
    child.stderr.setEncoding("utf8").on("data", hear);
    try {
      const code = await new Promise<number | null>((resolve, reject) =>
        child.on("error", reject).on("close", (exit) => resolve(exit)),
      );
      return { code: token.isCancellationRequested ? undefined : (code ?? undefined), output };
    } finally {
      cancelling.dispose();
    }
  }

  private async debug(run: vscode.TestRun, test: vscode.TestItem, token: vscode.CancellationToken): Promise<Result> {
    const { target, at } = this.meant(test);
    const number = ++this.sessions;
    const { folder, workload, session, place: where } = target;
    const configuration: vscode.DebugConfiguration = {
      type: "nhctl",
      request: "launch",
      name: test.label,
      test: at,
      __test: number,
      ...(folder && { folder }),
      ...(workload && { workload }),
      ...(session && { session }),
      ...(where?.context && { context: where.context }),
      ...(where?.namespace && { namespace: where.namespace }),
      ...(!session && { start: true }),
    };
    const over = ended(number, token);
    const open = vscode.workspace.getWorkspaceFolder(test.uri ?? vscode.Uri.file(folder ?? ""));
    try {
      if (!(await vscode.debug.startDebugging(open, configuration, { testRun: run }))) {
        throw new Error(vscode.l10n.t("The test was not started."));
      }
      await over.promise;
    } finally {
      over.dispose();
    }
    const code = this.exits.get(number);
    this.exits.delete(number);
    return { code, output: "" };
  }

  /** Where a test runs: in the folder's session, or that of the workload that its config names. */
  private meant(test: vscode.TestItem): { target: Target; at: string } {
    if (!test.uri || !test.range) {
      throw new Error(vscode.l10n.t("This test is in no file."));
    }
    const session = this.current();
    const folder = this.finder.folder(test.uri);
    const target = session && (!folder || folder === session.folder) ? ofSession(session) : { folder };
    return { target, at: place(test.uri.fsPath, test.range.start.line + 1) };
  }

  /** Listens for the exit code of a test. */
  private tracker(number: unknown): vscode.DebugAdapterTracker | undefined {
    if (typeof number !== "number") {
      return undefined;
    }
    return {
      onDidSendMessage: (message: { event?: string; body?: { exitCode?: unknown } }) => {
        if (message.event === "exited" && typeof message.body?.exitCode === "number") {
          this.exits.set(number, message.body.exitCode);
        }
      },
    };
  }
}

/** Tells how a test came out. */
function conclude(run: vscode.TestRun, test: vscode.TestItem, { code, output }: Result, took: number): void {
  if (code === 0) {
    run.passed(test, took);
  } else if (code === undefined) {
    run.skipped(test);
  } else {
    const text = plain(output).trim();
    const message = new vscode.TestMessage(text || vscode.l10n.t("It ended with exit code {0}.", code));
    if (test.uri) {
      const line = failedLine(text, test.uri.fsPath);
      const range = line === undefined ? test.range : new vscode.Range(line - 1, 0, line - 1, 0);
      message.location = range && new vscode.Location(test.uri, range);
    }
    run.failed(test, message, took);
  }
}

/** The end of a debug session of ours. Who cancels the run ends the session. */
function ended(number: number, token: vscode.CancellationToken): { promise: Promise<void> } & vscode.Disposable {
  const listening: vscode.Disposable[] = [];
  const ours = ({ configuration }: vscode.DebugSession): boolean => configuration["__test"] === number;
  let session: vscode.DebugSession | undefined;
  const promise = new Promise<void>((resolve) => {
    listening.push(
      vscode.debug.onDidStartDebugSession((one) => (session = ours(one) ? one : session)),
      vscode.debug.onDidTerminateDebugSession((one) => ours(one) && resolve()),
      token.onCancellationRequested(() => {
        void vscode.debug.stopDebugging(session);
        resolve();
      }),
    );
  });
  return {
    promise,
    dispose: () => {
      vscode.Disposable.from(...listening).dispose();
    },
  };
}
