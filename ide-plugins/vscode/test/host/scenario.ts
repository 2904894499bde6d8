import type * as rpc from "../../src/rpc";

/** What the fake nhctl does; it is read from a file, and so outlives the process. */
export interface Scenario {
  version: string;
  protocol: number;
  /** Ends before it has introduced itself, as a broken build would. */
  crash?: boolean;
  /** Does not know `nhctl ide`. */
  old?: boolean;
  /** The snapshots of topics, by `key`, with events before them. A problem is told as one of the topic. */
  topics: Record<
    string,
    { events?: Partial<rpc.Event>[]; items?: Record<string, unknown>; problem?: rpc.Error; fail?: rpc.Error }
  >;
  /** How calls go, one after the other; the last one counts for all that follow. */
  calls: Record<string, Reply[]>;
  /** What programs in the dev container print, and how they end, by the command: "build", "test". Others go on. */
  programs?: Record<string, Planned>;
  /** The services of `nhctl config show`. */
  services: { name: string; serviceType: string }[];
}

/** A program that prints something and ends; one that waits ends when the test lets it. */
export interface Planned {
  output: string;
  code: number;
  waits?: boolean;
}

/** How one call goes. */
export interface Reply {
  /** Events before the answer. */
  events?: Partial<rpc.Event>[];
  /** Takes the events and the answer from nhctl's own recording of the method. */
  recorded?: boolean;
  error?: rpc.Error;
  result?: unknown;
  /** Waits for the client to cancel, and then for the command "undone". */
  hangs?: boolean;
}

/** A request as the fake has seen it. */
export interface Request {
  id?: number;
  method: string;
  params: Record<string, unknown>;
  pid: number;
}

/** What a test tells a running fake. */
export type Command =
  | { do: "push"; topic: string; update: Partial<rpc.Update> }
  | { do: "flood"; topic: string; items: Record<string, rpc.Workload>[]; every: number }
  | { do: "undone" | "garbage" | "die" };

export const key = (topic: string, context = "", namespace = "", session = ""): string =>
  [topic, context, namespace, session].join("|");
