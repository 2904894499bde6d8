import { Bridge, type Call, type Ending, type Method, type Params, type Program, type Result } from "./bridge";
import { type Disposable, Emitter } from "./jsonrpc";
import { type Clock, Pauses, realClock } from "./pauses";
import { Problem } from "./problem";
import type * as rpc from "../rpc";
import { english, type Translate, words } from "../text";

/** How the connection to nhctl is. */
export type State =
  | { kind: "off" | "starting" }
  | { kind: "ready"; nhctl: rpc.BridgeInitialized }
  | { kind: "again"; detail: string }
  | { kind: "failed"; failure: Failure; detail: string };

/** Why nothing is tried again until the user asks for it. */
export type Failure = "missing" | "untrusted" | "tooOld" | "crashing";

/** What a Connection needs. */
export interface Options {
  /** The program to start, or why there is none. */
  find: () => Promise<Program | "missing" | "untrusted">;
  log: (line: string) => void;
  /** Hears of news that no call of the user's has asked for. */
  notice?: (text: string) => void;
  clock?: Clock;
  t?: Translate;
}

/** A subscription that lives on over restarts of nhctl. */
interface Standing {
  params: rpc.Methods["subscribe"]["params"];
  update: (update: rpc.Update) => void;
  failed: (problem: Problem) => void;
  open?: Disposable;
  retry?: () => void;
  tries: number;
}

/** The oldest protocol that the extension speaks. */
const protocol = 1;
/** How long a call waits for nhctl to come up. */
const patience = 40_000;
/** Waits before a subscription is tried again that could not reach its cluster. */
const reaches = [2_000, 5_000, 10_000, 20_000];

/** Keeps one `nhctl ide` running, and the subscriptions on it. */
export class Connection implements Disposable {
  private readonly changed = new Emitter<State>();
  readonly onChange = this.changed.event;

  private current: State = { kind: "off" };
  private bridge: Bridge | undefined;
  private generation = 0;
  private stopPause: (() => void) | undefined;
  private readonly pauses = new Pauses();
  private readonly standing = new Set<Standing>();
  private readonly clock: Clock;
  private readonly t: Translate;
  /** The loop of starts, which close waits for. */
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: Options) {
    this.clock = options.clock ?? realClock;
    this.t = options.t ?? english;
  }

  get state(): State {
    return this.current;
  }

  /** Starts nhctl if it does not run; after a failure it tries again. */
  start(): void {
    if (this.current.kind === "off" || this.current.kind === "failed") {
      this.pauses.reset();
      this.running = this.run(++this.generation);
    }
  }

  /** Ends nhctl and starts it again, as after a change of the settings. */
  restart(): void {
    this.stop();
    this.start();
  }

  /** Ends nhctl. */
  stop(): void {
    this.generation++;
    this.stopPause?.();
    this.drop();
    this.set({ kind: "off" });
  }

  dispose(): void {
    this.stop();
    for (const one of this.standing) {
      one.retry?.();
    }
    this.standing.clear();
    this.changed.dispose();
  }

  /** Disposes of it, and waits until nothing of it runs. */
  async close(): Promise<void> {
    this.dispose();
    await this.running;
  }

  /** Calls a method, as Bridge.call does, once nhctl is there. */
  async call<M extends Method>(method: M, params: Params<M>, call: Call = {}): Promise<Result<M>> {
    const bridge = this.bridge ?? (await this.ready());
    return bridge.call(method, params, call);
  }

  /** Subscribes until it is disposed of. A restart of nhctl subscribes again; the first update is a snapshot. */
  subscribe(
    params: rpc.Methods["subscribe"]["params"],
    update: (update: rpc.Update) => void,
    failed: (problem: Problem) => void,
  ): Disposable {
    const one: Standing = { params, update, failed, tries: 0 };
    this.standing.add(one);
    this.open(one);
    return {
      dispose: () => {
        this.standing.delete(one);
        one.retry?.();
        one.open?.dispose();
      },
    };
  }

  private open(one: Standing): void {
    const bridge = this.bridge;
    one.retry?.();
    if (!bridge) {
      return;
    }
    one.open = bridge.subscribe(
      one.params,
      (update) => {
        one.tries = 0;
        one.update(update);
      },
      (problem) => {
        if (this.bridge !== bridge) {
          return; // it is opened again with the next one
        }
        one.failed(problem);
        if (problem.data.code === "unreachable" || problem.data.code === "timeout") {
          const pause = reaches[Math.min(one.tries++, reaches.length - 1)] ?? 0;
          one.retry = this.clock.after(pause, () => this.open(one));
        }
      },
    );
  }

  private async run(generation: number): Promise<void> {
    while (generation === this.generation) {
      this.set({ kind: "starting" });
      const began = this.clock.now();
      const ending = await this.once(generation);
      if (generation !== this.generation) {
        return;
      }
      this.drop();
      if (ending.reason !== "ended" && ending.reason !== "garbage") {
        this.set({ kind: "failed", failure: ending.reason, detail: ending.detail });
        return;
      }
      const pause = this.pauses.next(this.clock.now() - began);
      this.options.log(`nhctl has ended: ${ending.detail}`);
      if (pause === undefined) {
        this.set({ kind: "failed", failure: "crashing", detail: ending.detail });
        return;
      }
      this.set({ kind: "again", detail: ending.detail });
      await new Promise<void>((resolve) => {
        const leaveOut = this.clock.after(pause, resolve);
        this.stopPause = () => {
          leaveOut();
          resolve();
        };
      });
    }
  }

  /** Runs nhctl once, from its start to its end. */
  private async once(generation: number): Promise<Ending | { reason: Failure; detail: string }> {
    const program = await this.options.find();
    if (typeof program === "string") {
      return { reason: program, detail: "" };
    }
    if (generation !== this.generation) {
      return { reason: "ended", detail: "" };
    }
    const bridge = new Bridge(program, this.options.log, this.options.notice);
    this.bridge = undefined;
    const current = (): boolean => generation === this.generation;
    try {
      const stopped = this.onChange(() => current() || bridge.dispose());
      try {
        const nhctl = await bridge.initialize();
        if (current() && nhctl.build.protocol < protocol) {
          bridge.dispose();
          return { reason: "tooOld", detail: nhctl.build.version };
        }
        if (current()) {
          this.bridge = bridge;
          this.set({ kind: "ready", nhctl });
          this.standing.forEach((one) => this.open(one));
        }
      } finally {
        stopped.dispose();
      }
    } catch (error) {
      // Why it has ended says more than that its introduction failed.
      bridge.dispose();
      const ending = await bridge.ended;
      return ending.detail ? ending : { ...ending, detail: words(error) };
    }
    return bridge.ended;
  }

  private drop(): void {
    this.bridge?.dispose();
    this.bridge = undefined;
  }

  /** Waits until nhctl is there. After a failure it is for the user to say that it is tried again. */
  private async ready(): Promise<Bridge> {
    if (this.current.kind === "off") {
      this.start();
    }
    return new Promise<Bridge>((resolve, reject) => {
      const look = (state: State): void => {
        if (state.kind === "ready" && this.bridge) {
          done();
          resolve(this.bridge);
        } else if (state.kind === "failed" || state.kind === "off") {
          done();
          reject(new Problem(this.problem(state)));
        }
      };
      const watching = this.onChange(look);
      const limit = this.clock.after(patience, () => {
        done();
        reject(new Problem({ code: "timeout", message: this.t("nhctl does not come up") }));
      });
      const done = (): void => {
        watching.dispose();
        limit();
      };
      look(this.current);
    });
  }

  /** A state in which nhctl is not there, in words. */
  problem(state: State): rpc.Error {
    const failure = state.kind === "failed" ? state.failure : undefined;
    const message = {
      missing: this.t("nhctl is not installed on this computer"),
      untrusted: this.t("nhctl runs nothing in a folder that you don't trust"),
      tooOld: this.t("this nhctl is too old for the extension"),
      crashing: this.t("nhctl ends again and again"),
    };
    const hint = "detail" in state ? state.detail : "";
    return { code: "internal", message: failure ? message[failure] : this.t("nhctl is not running"), hint };
  }

  private set(state: State): void {
    this.current = state;
    this.changed.fire(state);
  }
}
