// A fake nhctl: it speaks `nhctl ide` from a scenario and from nhctl's own recordings, and does what a test tells it.
// Its folder is in FAKE_NHCTL.
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import type * as rpc from "../../src/rpc";
import { type Command, key, type Planned, type Reply, type Request, type Scenario } from "./scenario";

const folder = process.env["FAKE_NHCTL"] ?? "";
const scenario = (): Scenario => JSON.parse(readFileSync(join(folder, "scenario.json"), "utf8")) as Scenario;

function main(command: string): void {
  const now = scenario();
  appendFileSync(join(folder, "commands.jsonl"), `${JSON.stringify(process.argv.slice(2))}\n`);
  if (command === "config" && process.argv[3] === "import" && !process.argv.includes("--yes")) {
    process.exitCode = 1; // there is a config already
  } else if (command === "config") {
    process.stdout.write(JSON.stringify(now.services));
  } else if (command === "ide" && now.old) {
    process.stderr.write('error: unknown command "ide" for "nhctl"\n');
    process.exitCode = 2;
  } else if (command === "ide" && now.crash) {
    process.stderr.write("panic: out of luck\n");
    process.exitCode = 1;
  } else if (command === "ide") {
    ide();
  } else if (command === "dap") {
    dap();
  } else if (command === "lsp") {
    lsp();
  } else if (command === "dev") {
    program(now.programs?.[process.argv[3] ?? ""]);
  }
}

/** A command in the dev container. */
function program(planned: Planned | undefined): void {
  const line = process.argv.slice(2);
  appendFileSync(join(folder, "programs.jsonl"), `${JSON.stringify(line)}\n`);
  if (planned) {
    process.stdout.write(planned.output);
    process.exitCode = planned.code;
    const waiting = setInterval(() => {
      if (!planned.waits || existsSync(join(folder, "end"))) {
        clearInterval(waiting);
      }
    }, 20);
    return;
  }
  process.stdout.write(`$ ${line.join(" ")}\r\n`);
  process.stdin.resume();
}

/** How a call ends that the client has cancelled. */
const cancelled = -32800;

class Failed extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: rpc.Error,
  ) {
    super(message);
  }
}

function ide(): void {
  const counts = new Map<string, number>();
  const open = new Map<string, Request["id"][]>();
  /** What is to be told of topics that no one has subscribed to yet. */
  const early = new Map<string, Command[]>();
  const cancel = new Map<Request["id"], () => void>();
  let undone = (): void => {};
  const writer = new StreamMessageWriter(process.stdout);
  const write = (message: object): void => void writer.write({ jsonrpc: "2.0", ...message });
  const fail = (error: rpc.Error): Failed => new Failed(-32000, error.message, error);

  const send = (id: Request["id"], update: Partial<rpc.Update>): void =>
    write({ method: "update", params: { ...update, call: JSON.stringify(id) } });
  const tell = (id: Request["id"], events: Partial<rpc.Event>[] = []): void =>
    events.forEach((event) => write({ method: "event", params: { ...event, call: JSON.stringify(id) } }));
  const subscribe = async (id: Request["id"], params: rpc.Params<rpc.Subscribe>): Promise<never> => {
    const { topic, caller, session, allClusters } = params;
    const name = key(topic, caller?.context, caller?.namespace, allClusters ? "all" : session);
    const told = scenario().topics[name];
    tell(id, told?.events);
    if (told?.fail) {
      throw fail(told.fail);
    }
    send(id, { topic, snapshot: true, [topic]: told?.items ?? {}, ...(told?.problem && { problem: told.problem }) });
    open.set(name, [...(open.get(name) ?? []), id]);
    early.get(name)?.forEach(obey);
    early.delete(name);
    await new Promise<void>((resolve) => cancel.set(id, resolve));
    open.set(
      name,
      (open.get(name) ?? []).filter((one) => one !== id),
    );
    throw new Failed(cancelled, "cancelled");
  };
  const call = async (id: Request["id"], method: string): Promise<unknown> => {
    const replies = scenario().calls[method] ?? [{ result: {} }];
    const count = counts.get(method) ?? 0;
    counts.set(method, count + 1);
    const reply = replies[Math.min(count, replies.length - 1)] ?? {};
    const { events, answer } = reply.recorded ? recording(method) : { events: reply.events ?? [], answer: reply };
    tell(id, events);
    if (reply.hangs) {
      await new Promise<void>((resolve) => cancel.set(id, () => (undone = resolve)));
      throw new Failed(cancelled, "cancelled");
    }
    if (answer.error) {
      throw fail(answer.error);
    }
    return answer.result ?? {};
  };
  const handle = async ({ id, method, params }: Request): Promise<unknown> => {
    if (method === "initialize") {
      const { version, protocol } = scenario();
      return { build: { version, protocol, built: "2026-01-01T00:00:00Z" }, serverInfo: { name: "nhctl", version } };
    }
    return method === "subscribe" ? subscribe(id, params as unknown as rpc.Params<rpc.Subscribe>) : call(id, method);
  };

  const reader = new StreamMessageReader(process.stdin);
  reader.onClose(() => process.exit(0));
  const obey = (command: Command): void => {
    switch (command.do) {
      case "push":
      case "flood": {
        if (!open.get(command.topic)?.length) {
          early.set(command.topic, [...(early.get(command.topic) ?? []), command]);
          break;
        }
        const updates: Partial<rpc.Update>[] =
          command.do === "push" ? [command.update] : command.items.map((workloads) => ({ workloads }));
        const topic = command.topic.split("|")[0] ?? "";
        updates.forEach((update, i) =>
          setTimeout(
            () => (open.get(command.topic) ?? []).forEach((id) => send(id, { topic, ...update })),
            i * (command.do === "flood" ? command.every : 0),
          ),
        );
        break;
      }
      case "undone":
        undone();
        break;
      case "garbage":
        process.stdout.write("this is no JSON-RPC\r\n\r\n{{{");
        break;
      case "die":
        process.kill(process.pid, "SIGKILL");
    }
  };
  const socket = join(folder, `${process.pid}.sock`);
  const server = createServer((client) => {
    createInterface(client).on("line", (line) => {
      obey(JSON.parse(line) as Command);
      client.end("ok\n");
    });
  });
  // Whoever has had an answer finds the socket, and the process's number.
  server.listen(socket, () => {
    appendFileSync(join(folder, "started"), `${process.pid}\n`);
    reader.listen((message) => {
      const request = message as unknown as Request;
      appendFileSync(join(folder, "requests.jsonl"), `${JSON.stringify({ ...request, pid: process.pid })}\n`);
      if (request.method === "$/cancelRequest") {
        cancel.get(request.params["id"] as number)?.();
      } else if (request.id !== undefined) {
        handle(request).then(
          (result) => write({ id: request.id, result }),
          ({ code, message, data }: Failed) => write({ id: request.id, error: { code, message, data } }),
        );
      }
    });
  });
  process.on("exit", () => rmSync(socket, { force: true }));
}

/** The events and the answer of a method in nhctl's recording of a session. */
function recording(method: string): { events: Partial<rpc.Event>[]; answer: Reply } {
  const lines = readFileSync(process.env["FAKE_NHCTL_RECORDING"] ?? "", "utf8")
    .trim()
    .split("\n");
  const messages = lines.map((line) => JSON.parse(line) as Recorded);
  const id = messages.find(({ client }) => client?.method === method)?.client?.id;
  const answer = messages.find(({ daemon }) => daemon?.id === id)?.daemon;
  const events = messages.flatMap(({ daemon }) => (daemon?.params?.call === JSON.stringify(id) ? [daemon.params] : []));
  return { events, answer: { result: answer?.result, error: answer?.error?.data } };
}

interface Recorded {
  client?: { id?: number; method: string };
  daemon?: { id?: number; params?: rpc.Event; result?: unknown; error?: { data: rpc.Error } };
}

/** A debug adapter that hands over to Node's debugger, or ends at once. */
function dap(): void {
  let seq = 0;
  const send = (message: object): void => {
    const text = JSON.stringify({ seq: ++seq, ...message });
    process.stdout.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  };
  new StreamMessageReader(process.stdin).listen((message) => {
    const request = message as unknown as { seq: number; command: string; arguments: Record<string, unknown> };
    appendFileSync(join(folder, "dap.jsonl"), `${JSON.stringify(request)}\n`);
    send({ type: "response", request_seq: request.seq, success: true, command: request.command, body: {} });
    if (request.command === "initialize") {
      send({ type: "event", event: "initialized" });
    } else if (request.command === "launch" || request.command === "attach") {
      send({ type: "event", event: "output", body: { category: "stdout", output: "built\n" } });
      const given = request.arguments["handover"];
      if (given) {
        send({ type: "event", event: "nhctl.handover", body: given });
      }
      send({ type: "event", event: "terminated" });
    } else if (request.command === "disconnect") {
      process.exit(0);
    }
  });
}

/** A language server that knows one completion. */
function lsp(): void {
  const connection = createMessageConnection(
    new StreamMessageReader(process.stdin),
    new StreamMessageWriter(process.stdout),
  );
  connection.onRequest("initialize", () => ({ capabilities: { completionProvider: {}, textDocumentSync: 1 } }));
  connection.onRequest("textDocument/completion", () => [{ label: "serviceType", kind: 10 }]);
  connection.onRequest("shutdown", () => null);
  connection.onNotification("exit", () => process.exit(0));
  connection.listen();
}

main(process.argv[2] ?? "");
