/** The parts of vscode-jsonrpc that the extension uses, in one place. */
export {
  CancellationTokenSource,
  createMessageConnection,
  Emitter,
  ErrorCodes,
  Message,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
export type { CancellationToken, Disposable, Event, MessageConnection } from "vscode-jsonrpc/node";

/** What LSP adds to the error codes of JSON-RPC. */
export const LSPErrorCodes = { RequestCancelled: -32800 } as const;
