import { ErrorCodes, LSPErrorCodes, ResponseError } from "./jsonrpc";
import type * as rpc from "../rpc";
import { words } from "../text";

/** A problem that nhctl tells of: what failed, why, the next step, and what the user can decide. */
export class Problem extends Error {
  constructor(readonly data: rpc.Error) {
    super(data.message);
    this.name = "Problem";
  }
}

/** A call that was cancelled, once it is undone. */
export class Cancelled extends Error {
  constructor() {
    super("cancelled");
    this.name = "Cancelled";
  }
}

/** The problem, or the end, that a failed call stands for. */
export function failure(thrown: unknown): Problem | Cancelled {
  if (thrown instanceof Problem || thrown instanceof Cancelled) {
    return thrown;
  }
  if (thrown instanceof ResponseError) {
    if (thrown.code === LSPErrorCodes.RequestCancelled) {
      return new Cancelled();
    }
    if (isProblem(thrown.data)) {
      return thrown.data.code === "interrupted" ? new Cancelled() : new Problem(thrown.data);
    }
  }
  return new Problem({ code: "internal", message: words(thrown) });
}

/** Whether nhctl is too old to know a method. */
export function unknownMethod(thrown: unknown): boolean {
  return thrown instanceof ResponseError && thrown.code === ErrorCodes.MethodNotFound;
}

function isProblem(data: unknown): data is rpc.Error {
  return (
    typeof data === "object" &&
    data !== null &&
    typeof (data as Partial<rpc.Error>).code === "string" &&
    typeof (data as Partial<rpc.Error>).message === "string"
  );
}
