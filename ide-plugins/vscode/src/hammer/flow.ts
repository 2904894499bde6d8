import type { Call, Method, Params, Result } from "../connection/bridge";
import { Cancelled, failure, type Problem } from "../connection/problem";
import type * as rpc from "../rpc";

/** What the user has decided: the id of a choice, or another way out. */
export type Decision = { choice: string } | { remedy: rpc.Remedy };

/** How the user is asked. */
export interface Desk {
  /** A choice or a remedy, or undefined if the user wants none of them. */
  decide(question: rpc.Question, problem: rpc.Error): Promise<Decision | undefined>;
  /** A remedy for a problem that asks nothing, or undefined. */
  offer(problem: rpc.Error): Promise<rpc.Remedy | undefined>;
  open(link: string): Promise<void>;
  /** Runs a program in a terminal, where it may ask the user, until it has ended. It is false where it has failed. */
  run(title: string, command: readonly string[]): Promise<boolean>;
}

/** What makes calls: the connection to nhctl, and progress around it. */
export type Caller = <M extends Method>(method: M, params: Params<M>) => Promise<Result<M>>;

/** How a call came out. A remedy may have been another call. */
export type Outcome<M extends Method> =
  | { kind: "done"; result: Result<M> }
  | { kind: "remedied"; method: Method; result: unknown }
  | { kind: "left" };

/** More questions than this in one call are no conversation any more. */
const limit = 20;

/**
 * Makes a call, asks what nhctl asks, offers the remedies of a problem, and repeats the call with the answer. Each
 * problem is shown once, here.
 */
export async function converse<M extends Method>(
  call: Caller,
  desk: Desk,
  method: M,
  params: Params<M>,
): Promise<Outcome<M>> {
  let now: { method: Method; params: object } = { method, params: params ?? {} };
  for (let i = 0; i < limit; i++) {
    try {
      const result = await call(now.method, now.params as Params<Method>);
      return now.method === method
        ? { kind: "done", result: result as Result<M> }
        : { kind: "remedied", method: now.method, result };
    } catch (error) {
      const why = failure(error);
      const next = why instanceof Cancelled ? undefined : await after(why, desk, now);
      if (!next) {
        return { kind: "left" };
      }
      now = next;
    }
  }
  return { kind: "left" };
}

async function after(
  { data }: Problem,
  desk: Desk,
  call: { method: Method; params: object },
): Promise<{ method: Method; params: object } | undefined> {
  let remedy: rpc.Remedy | undefined;
  if (data.question?.choices?.length) {
    const decision = await desk.decide(data.question, data);
    if (!decision) {
      return undefined;
    }
    if ("choice" in decision) {
      const answers = { ...(call.params as rpc.Target).answers, [data.question.id]: decision.choice };
      return { ...call, params: { ...call.params, answers } };
    }
    remedy = decision.remedy;
  } else {
    remedy = await desk.offer(data);
  }
  if (!remedy) {
    return undefined;
  }
  if (remedy.link) {
    await desk.open(remedy.link);
    return undefined;
  }
  if (remedy.command?.length && !(await desk.run(remedy.title, remedy.command))) {
    return undefined;
  }
  return laidOver(remedy, call);
}

/** The call of a remedy: its parameters lie over those of the call that failed. */
export function laidOver(
  remedy: rpc.Remedy,
  call: { method: Method; params: object },
): { method: Method; params: object } {
  const over = typeof remedy.params === "object" && remedy.params !== null ? remedy.params : {};
  return { method: (remedy.method || call.method) as Method, params: { ...call.params, ...over } };
}

/** Tells the steps of a call as they begin, in one line each, and how many files are synced when that has changed. */
export function steps(report: (line: string) => void): NonNullable<Call["onEvent"]> {
  let last = "";
  return ({ type, step, message, sync }) => {
    if (type === "step" && step && (step.state === "started" || step.state === "waiting")) {
      report(step.detail ? `${step.name}: ${step.detail}` : step.name);
    } else if (type === "step" && step?.state === "undone") {
      report(`${step.name}: undone`);
    } else if (type === "notice" && message) {
      report(message);
    } else if (type === "sync.state" && sync && sync.filesToGo > 0 && sync.files > 0) {
      const synced = `${sync.files - Math.min(sync.filesToGo, sync.files)}/${sync.files}`;
      if (synced !== last) {
        last = synced;
        report(synced);
      }
    }
  };
}
