import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import {
  type CancellationToken,
  CancellationTokenSource,
  createMessageConnection,
  type Disposable,
  Message,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "./jsonrpc";
import { failure, Problem, unknownMethod } from "./problem";
import type * as rpc from "../rpc";
import { plain, words } from "../text";

/** The calls that have parameters. */
export type Method = keyof rpc.Methods;
export type Params<M extends Method> = rpc.Methods[M]["params"];
export type Result<M extends Method> = rpc.Methods[M]["result"];

/** What goes along with a call. */
export interface Call {
  token?: CancellationToken;
  onEvent?: (event: rpc.Event) => void;
}

/** Why a bridge is there no more. */
export interface Ending {
  /** tooOld: this nhctl has no `nhctl ide`; missing: there is no such program; garbage: it does not speak JSON-RPC. */
  reason: "ended" | "tooOld" | "missing" | "garbage";
  /** What the program said last, for people. */
  detail: string;
}

export interface Program {
  path: string;
  args: readonly string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** How long nhctl may take to introduce itself: it waits for its daemon for 10 s. */
const introduction = 30_000;
const usageError = 2;

/** One running `nhctl ide`. It ends once, with a reason, and is not started again. */
export class Bridge implements Disposable {
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<Ending>;

  /** Rejects when it has ended. */
  private readonly gone: Promise<never>;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly connection: MessageConnection;
  private readonly writer: NumberedWriter;
  private readonly events = new Map<string, (event: rpc.Event) => void>();
  private readonly updates = new Map<string, (update: rpc.Update) => void>();
  private said = "";
  private introduced = false;
  private end: (ending: Ending) => void = () => {};

  constructor(
    program: Program,
    private readonly log: (line: string) => void,
    private readonly notice: (text: string) => void = () => {},
  ) {
    this.ended = new Promise((resolve) => (this.end = resolve));
    this.gone = this.ended.then(({ detail }) => {
      throw new Problem({ code: "internal", message: detail || "nhctl has ended" });
    });
    this.gone.catch(() => {}); // who calls hears of it
    this.child = spawn(program.path, [...program.args], {
      cwd: program.cwd,
      env: program.env,
      stdio: "pipe",
      windowsHide: true,
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => this.hear(text));
    this.child.on("error", (error: NodeJS.ErrnoException) =>
      this.finish({ reason: error.code === "ENOENT" ? "missing" : "ended", detail: error.message }),
    );
    this.child.on("close", (code, signal) => this.finish(this.closed(code, signal)));
    // Whoever reads no more has ended, or is to end: "close" says how.
    this.child.stdin.on("error", () => this.killLater());

    this.writer = new NumberedWriter(this.child.stdin);
    const reader = new StreamMessageReader(this.child.stdout);
    reader.onError((error) => this.finish({ reason: "garbage", detail: words(error) }));
    this.connection = createMessageConnection(reader, this.writer);
    this.connection.onNotification("event", (event: rpc.Event) => this.events.get(event.call ?? "")?.(event));
    this.connection.onNotification("update", (update: rpc.Update) => this.updates.get(update.call)?.(update));
    this.connection.listen();
  }

  /** Introduces the editor. Calls come afterwards. */
  async initialize(): Promise<rpc.BridgeInitialized> {
    const limit = setTimeout(() => {
      this.finish({ reason: "ended", detail: `nhctl did not introduce itself within ${introduction / 1000} s` });
    }, introduction);
    try {
      const answer = await this.request<rpc.BridgeInitialized>("initialize", {}).answer;
      this.introduced = true;
      await this.connection.sendNotification("initialized", {});
      return answer;
    } catch (error) {
      if (unknownMethod(error)) {
        this.finish({ reason: "tooOld", detail: words(error) });
      }
      throw failure(error);
    } finally {
      clearTimeout(limit);
    }
  }

  /** Calls a method. It rejects with a Problem, or with Cancelled once a cancelled call is undone. */
  async call<M extends Method>(method: M, params: Params<M>, { token, onEvent }: Call = {}): Promise<Result<M>> {
    const { answer, id } = this.request<Result<M>>(method, params ?? {}, token);
    if (onEvent) {
      this.events.set(id, onEvent);
    }
    try {
      return await answer;
    } catch (error) {
      throw failure(error);
    } finally {
      this.events.delete(id);
    }
  }

  /** Subscribes until it is disposed of. `failed` hears of a subscription that can't begin, or has ended. */
  subscribe(
    params: rpc.Methods["subscribe"]["params"],
    update: (update: rpc.Update) => void,
    failed: (problem: Problem) => void,
  ): Disposable {
    const source = new CancellationTokenSource();
    const { answer, id } = this.request("subscribe", params, source.token);
    this.updates.set(id, update);
    // nhctl tells each piece of news once, by whichever call comes next: also that a session was taken over.
    this.events.set(id, ({ type, message }) => type === "notice" && message && this.notice(message));
    const over = (thrown: unknown): void => {
      const open = this.updates.delete(id);
      this.events.delete(id);
      source.dispose();
      const why = failure(thrown);
      if (open && why instanceof Problem) {
        failed(why);
      }
    };
    answer.then(() => over(new Problem({ code: "internal", message: "the subscription has ended" })), over);
    return {
      dispose: () => {
        if (this.updates.delete(id)) {
          source.cancel();
        }
      },
    };
  }

  /** Ends the program: it cancels its calls when its input ends. */
  dispose(): void {
    this.finish({ reason: "ended", detail: "" });
  }

  /**
   * Sends a request. It is written, and so has its number, before sendRequest returns. The library forgets a request
   * that is still being written when the connection ends, so that the end is waited for, too.
   */
  private request<R>(method: string, params: object, token?: CancellationToken): { answer: Promise<R>; id: string } {
    try {
      // A token that is undefined would count as one more parameter.
      const answer = this.connection.sendRequest<R>(method, params, ...(token ? [token] : []));
      return { answer: Promise.race([answer, this.gone]), id: this.writer.last };
    } catch (error) {
      return { answer: Promise.reject(failure(error)), id: "" }; // nhctl has ended
    }
  }

  private finish(ending: Ending): void {
    this.end(ending);
    this.end = () => {};
    this.updates.clear();
    this.connection.dispose(); // rejects the calls that wait
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      return;
    }
    this.child.stdin.end();
    this.killLater();
  }

  /** Gives the program some time to end by itself. */
  private killLater(): void {
    const limit = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    limit.unref();
    this.child.once("close", () => clearTimeout(limit));
  }

  private closed(code: number | null, signal: NodeJS.Signals | null): Ending {
    const detail = this.said.trim() || (signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`);
    return { reason: !this.introduced && code === usageError ? "tooOld" : "ended", detail };
  }

  private hear(text: string): void {
    const clean = plain(text);
    this.said = (this.said + clean).slice(-1_000);
    this.log(clean.trimEnd());
  }
}

/** Remembers the id of the last request, by which nhctl names the call in events and updates. */
class NumberedWriter extends StreamMessageWriter {
  /** The id, as JSON. */
  last = "";

  override async write(message: Message): Promise<void> {
    if (Message.isRequest(message)) {
      this.last = JSON.stringify(message.id);
    }
    try {
      await super.write(message);
    } catch {
      // The program has ended, which rejects all calls. The library would let this one go unhandled.
    }
  }
}
