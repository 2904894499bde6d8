// Code generated from schema/rpc.v1.json by "make generate". DO NOT EDIT.

/**
 * The protocol of `nhctl ide`: its calls with their parameters and results, and its notifications. Some names
 * are also those of JavaScript's own types: import all as one, with import type * as rpc from "./rpc".
 */

/** A text that may be one of these, or one of a later nhctl. */
type Open<T extends string> = T | (string & {});

/**
 * The parameters of a call. nhctl fills in what a caller leaves out: its own environment and folder. A call with a
 * workDoneToken reports its steps as "$/progress".
 */
export type Params<P> = Omit<P, "caller"> & { caller?: Partial<Caller>; workDoneToken?: string | number };

/**
 * Attach opens a console: a terminal's shell or a command, whose streams lead to the caller. It is the first line of a
 * connection, which carries the console's conversation (package resume) after the answer, instead of further calls.
 */
export interface Attach {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  console: Console;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /** Synced begins once everything that was saved before is in the container. */
  synced?: boolean;
  /** Test runs tests, instead of the console's Argv. */
  test?: Test;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** AttachData says how clients attach to a debugger, each in its own terms. */
export interface AttachData {
  /** DAP is for any client of the Debug Adapter Protocol; nil where the debugger does not speak it. */
  dap?: DAPData;
  /** Terminal is the command line of a client in a terminal, such as dlv connect; nil where nhctl knows none. */
  terminal?: string[];
  /** VSCode is a configuration for launch.json. */
  vscode: VSCodeData;
}

/**
 * Attached is the console that a caller has. The container's end of the conversation has Received messages, and sends
 * the one with the number Next next.
 */
export interface Attached {
  /** Folders are the container's synced folders, the sources first. */
  folders?: PathData[];
  id: string;
  next: number;
  received: number;
}

/** BeginRoute has traffic of a Service come to a process of the caller's computer. */
export interface BeginRoute {
  /**
   * AbandonAfter is how long a front that this call makes is without any computer before it restores the Service, where
   * it may; 0 means the default.
   */
  abandonAfter?: number;
  agentLabels?: string[];
  allRequests?: boolean;
  caller: Caller;
  /** Hold is how long a request waits for a local process that restarts. */
  hold?: number;
  /** Lifetime is how long the route lasts, if no one ends it before; 0 means until then. */
  lifetime?: number;
  matches?: Match[];
  /**
   * Mesh takes only requests of which all Matches are true; without any, one is made up, which is the developer's own.
   * Else it is an exchange, which takes all. Mirror has copies of requests come instead, of those of which all Matches
   * are true: it claims nothing.
   */
  mesh?: boolean;
  mirror?: boolean;
  /** Ports are those of the Service that it is about; none means all. */
  ports?: WantedPort[];
  /** Preview makes the Service first, which has no pods, and goes with its last route. Its Ports are numbers. */
  preview?: boolean;
  /** Process is one of this computer that the route lasts for: it ends soon after it, however that ends. */
  process?: Process;
  proxyProtocol?: boolean;
  /**
   * Raw takes whole connections, also of HTTP. ProxyProtocol begins each connection to the local process with a header
   * of the PROXY protocol, version 2, which has the client's address.
   */
  raw?: boolean;
  service: string;
  /** SidecarImage overrides the build's. AgentLabels are further labels of the front's pods, as KEY=VALUE. */
  sidecarImage?: string;
  /**
   * Strict refuses what the local process can't take, instead of letting the originals answer. AllRequests takes those
   * of health checkers, too.
   */
  strict?: boolean;
  /** TakeOver ends the routes of others that claim the same traffic. */
  takeOver?: boolean;
  /** Timeout limits the whole start; 0 means the default. */
  timeout?: number;
}

/** BridgeCapabilities are what both can do beyond the first build of their protocol. */
export interface BridgeCapabilities {
  bridge: string[] | null;
  daemon: string[] | null;
}

/** BridgeInitialized introduces `nhctl ide` to an editor. */
export interface BridgeInitialized {
  arch: string;
  /**
   * Build is this nhctl, Daemon the one that its daemon is of, which may be newer. Without a daemon, Problem says why;
   * nhctl goes on trying.
   */
  build: Build;
  capabilities: BridgeCapabilities;
  daemon?: Build;
  /** Dir is the folder of calls whose caller names none. */
  dir: string;
  log: string;
  /** OS and Arch are those of this computer, as Go names them: linux, darwin, windows; amd64, arm64. */
  os: string;
  problem?: Error;
  serverInfo: ServerInfo;
  /** Socket and Log are the files of the daemon. */
  socket: string;
}

/**
 * Build names a build of nhctl. Builds have an order, so that two of them used in turn agree on whose daemon serves
 * both.
 */
export interface Build {
  /** Built is the time of the program's file, which orders builds of one release. */
  built: string;
  /** Protocol is the number of the protocol that it speaks; 0 for builds before there were numbers. */
  protocol: number;
  version: string;
}

/**
 * Caller is who calls: each call brings its own environment and folder, for kubeconfig files and credential plugins.
 */
export interface Caller {
  context?: string;
  dir: string;
  env: Record<string, string> | null;
  /** Kubeconfig, Context and Namespace are kubectl's flags; empty means what kubectl would take. */
  kubeconfig?: string;
  namespace?: string;
}

/** Cancel asks to undo calls of this connection. As a call, it is answered once that is done. */
export interface Cancel {
  /** ID is that of the call, as JSON; without it all calls are meant. */
  id?: string;
}

/** CancelRequest asks to undo one call. The call is answered with RequestCancelled once that is done. */
export interface CancelRequest {
  id: string | number;
}

/** Carry opens a link to the gateway of the caller's tunnel into a namespace, which is there already. */
export interface Carry {
  caller: Caller;
  /** Token is that of the link, by which either end proves to the other that it is the one of this call. */
  token: string | null;
  /** Workload is the tunnel's, where it has one. */
  workload?: string;
}

/** Choice is an answer that a question takes. */
export interface Choice {
  id: string;
  title: string;
}

/** Cluster is a context of a kubeconfig. */
export interface Cluster {
  cluster: string;
  context: string;
  /** Current says that kubectl would take it where none is named. */
  current?: boolean;
  namespace?: string;
  server: string;
  user: string;
}

/** Code is a stable name of a kind of problem, for scripts and IDEs. */
export type Code = Open<"usage" | "unreachable" | "unauthorized" | "forbidden" | "not-found" | "held" | "refused" | "confirm" | "untrusted" | "not-ready" | "port-taken" | "no-session" | "sync-blocked" | "timeout" | "interrupted" | "command" | "disk-full" | "unreadable" | "internal">;

/** CommandData is the state of a supervised command. */
export interface CommandData {
  argv?: string[];
  /** Container is where it runs, where several are in dev mode. */
  container?: string;
  exitCode?: number;
  finished?: string;
  /** HotReload says that a change of the sources starts it again; Reloads counts how often that happened. */
  hotReload?: boolean;
  /** MemoryLimit is that of the container in bytes, 0 for none. */
  memoryLimit?: number;
  /** build, run, debug */
  name: string;
  oomKilled?: boolean;
  /** PID is that inside the dev container. */
  pid?: number;
  reloads?: number;
  signal?: string;
  started?: string;
  /** running, exited, none */
  state: string;
}

/** ConflictData is a file that both sides changed before they heard of each other. */
export interface ConflictData {
  folder: string;
  /** whose content is kept, and not in place: local, remote */
  lost: string;
  path: string;
  /** Remedies are the calls that decide this conflict. */
  remedies?: Remedy[];
  time: string;
}

/** Connect brings up the caller's tunnel into a namespace, or returns the one that is there. */
export interface Connect {
  caller: Caller;
  container?: string;
  image?: string;
  /** Port is the proxy's on 127.0.0.1; 0 means 1080, or any free one where that is taken. */
  port?: number;
  /** SidecarImage overrides the build's. Image is any image with a shell instead, into which nhctl copies the agent. */
  sidecarImage?: string;
  /** Timeout limits the whole start; 0 means the default. */
  timeout?: number;
  /**
   * Workload has the gateway be a pod of this workload's template, with the environment and files of one container:
   * KIND/NAME, or a Deployment's NAME. There is a tunnel for each workload, and one without. Container is needed where
   * the pod has several.
   */
  workload?: string;
}

/** Connection is where debugpy listens. */
export interface Connection {
  host: string;
  port: number;
}

/** Console says which program of a container a caller attaches to. */
export interface Console {
  /** Argv is the program to start; empty means a shell: Shell, or the first that the image has. */
  argv?: string[];
  /**
   * Caller is who asks, by a name of their own. Resume says that they had this console before, and Received messages of
   * it.
   */
  caller: string;
  dir?: string;
  env?: Record<string, string>;
  /**
   * ID is that of a console that is there. Newest means the last terminal that lives. With neither, a program is
   * started.
   */
  id?: string;
  /** Keep says that the program goes on without a caller, as a terminal's shell does. */
  keep?: boolean;
  newest?: boolean;
  received?: number;
  resume?: boolean;
  shell?: string;
  /** Size is that of the caller's terminal; the program has a terminal, too. Without it, the program has pipes. */
  size?: Size;
}

/** Container is a container of a workload's pods. */
export interface Container {
  image: string;
  name: string;
  ports?: Port[];
}

/** DAPArguments are those of the attach or launch request. Those of the language are set. */
export interface DAPArguments {
  /** c, cpp, rust */
  disableASLR?: boolean;
  /** ruby: REMOTE:LOCAL, with commas between */
  localfsMap?: string;
  /** go: remote */
  mode?: string;
  /** ruby: what waits goes on once configured */
  nonstop?: boolean;
  /** python */
  pathMappings?: PathMapping[];
  /** c, cpp, rust */
  program?: string;
  /** c, cpp, rust: remote, local */
  sourceMap?: string[][];
  /** go */
  substitutePath?: Substitution[];
}

/** DAPData is a debugger that speaks the Debug Adapter Protocol on a TCP port. */
export interface DAPData {
  arguments: DAPArguments;
  host: string;
  port: number;
  /** Request is attach, or launch where the program was not started yet. */
  request: string;
}

/** Daemon is the daemon's own state. */
export interface Daemon {
  log: string;
  pid: number;
  sessions: Session[] | null;
  socket: string;
  started: string;
  version: string;
}

/** Debug starts the service under its debugger. */
export interface Debug {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  /** Args are further arguments of the config's run command, and Env further variables of what is started. */
  args?: string[];
  argv?: string[];
  caller: Caller;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  env?: Record<string, string>;
  /** Join takes the debugger that runs already, if one does. */
  join?: boolean;
  /** KeepRunning refuses where the service runs already, instead of replacing it. */
  keepRunning?: boolean;
  /** LocalPaths has paths of the synced folders in a build's output as they are on this computer. */
  localPaths?: boolean;
  /** LocalPort is the debugger's on this computer; 0 means the remote one's number, or a free one. */
  localPort?: number;
  /** NoBuild leaves out the build command. */
  noBuild?: boolean;
  /** OnlyJoin starts nothing: where no debugger runs, the call fails. */
  onlyJoin?: boolean;
  /** Paths are those of an earlier answer, for a client that joins again: finding them takes longer than joining. */
  paths?: PathData[];
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /** Test debugs tests of a file instead of the service, whose program is stopped. They wait for a client. */
  test?: Test;
  /** TTY gives the program a terminal for its output. */
  tty?: boolean;
  /** Wait keeps the program before its first line until a client lets it go on. */
  wait?: boolean;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** DebugData says how to attach to a debugger. */
export interface DebugData {
  /** Attach has what clients need, made of the fields above; nil for languages whose clients nhctl does not know. */
  attach?: AttachData;
  command: CommandData;
  /** Host and Port are on this computer; RemotePort is the debugger's in the container. */
  host: string;
  /** Language is go, python, node, java, ruby, c, cpp, rust or another; empty where the config names none. */
  language?: string;
  paths: PathData[] | null;
  port: number;
  /**
   * Program is the path in the container of what clients attach to, where the debugger does not know it by itself (c,
   * cpp, rust). With Waits the program stands before its first line, or (c, cpp, rust) clients launch it.
   */
  program?: string;
  remotePort: number;
  waits?: boolean;
}

/** Disconnect ends the caller's tunnels into a namespace. */
export interface Disconnect {
  /** All ends all tunnels of this computer, wherever they lead. */
  all?: boolean;
  caller: Caller;
  /** Session names one of this computer's tunnels, wherever it leads. */
  session?: string;
  /** Workload ends the one for a workload alone. */
  workload?: string;
}

/** Drift is what someone did to a workload while a session replaces it. */
export type Drift = Open<"template" | "freed" | "deleted" | "replaced">;

/** End leaves dev mode. */
export interface End {
  /** Abandoned ends sessions that no one has heard of for longer than they may block others, whoever holds them. */
  abandoned?: boolean;
  /** All ends every session of the caller's in the namespace. */
  all?: boolean;
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /** Force goes on where the twin, the sync or the config can't be reached. */
  force?: boolean;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /** Timeout limits the flush of files that only the pod has; 0 means the default. */
  timeout?: number;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** Ended is what End did. */
export interface Ended {
  sessions: Session[] | null;
}

/** Error is an error for a user. */
export interface Error {
  code: Code;
  /** Exit is the exit code of the command line, where the Code alone does not say it; 0 otherwise. */
  exit?: number;
  /** Hint is the next step; it may have several lines. */
  hint?: string;
  /** Message says what failed and why, in one sentence without a full stop. */
  message: string;
  /** Question is what the user decides before nhctl goes on; the call is repeated with the answer. */
  question?: Question;
  /** Remedies are other ways out that a client can offer. */
  remedies?: Remedy[];
}

/** ErrorData is a problem.Error on the wire. */
export interface ErrorData {
  code: string;
  hint?: string;
  message: string;
  /** Question is what the user decides before nhctl goes on, Remedies are other ways out. */
  question?: Question;
  remedies?: Remedy[];
}

/** Event is an event of a call. */
export interface Event {
  /** Call is the id of the call, as JSON. */
  call?: string;
  command?: CommandData;
  conflict?: ConflictData;
  error?: ErrorData;
  forward?: ForwardData;
  link?: LinkData;
  log?: LogData;
  message?: string;
  result?: unknown;
  session?: string;
  step?: StepData;
  sync?: SyncData;
  time: string;
  type: Type;
  v: number;
}

/** Forward opens, closes or lists local ports. */
export interface Forward {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  close?: PortPair[];
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /** Open and Close hold LOCAL:REMOTE pairs; a LOCAL of 0 takes a free port. */
  open?: PortPair[];
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** ForwardData is one forwarded port. */
export interface ForwardData {
  local: number;
  reason?: string;
  remote: number;
  /** listening, waiting, failed */
  state: string;
}

/** Forwarded is a port that a session forwards. */
export interface Forwarded {
  local: number;
  namespace: string;
  reason?: string;
  remote: number;
  session: string;
  /** listening, waiting, failed */
  state: string;
  workload: string;
}

/** FullData is a disk without room. */
export interface FullData {
  /** that have found no room */
  files: number;
  /** there */
  folder: string;
  /** bytes that are free there; negative where the system does not say */
  free: number;
  /** bytes that the side lacks */
  needed: number;
  /** it is the user's share that is used up */
  quota?: boolean;
  /** local, remote */
  side: string;
}

/** HeldData is a batch of deletions that sync stopped for. */
export interface HeldData {
  /** that are gone there */
  files: number;
  /** that there were */
  of: number;
  /** of them; at most 100 */
  paths: string[] | null;
  /** where it was deleted: local, remote */
  side: string;
}

/** Holder is who holds a session. */
export interface Holder {
  /** user@host */
  local: string;
  /** as the API server names them */
  user: string;
}

/** Initialize introduces a client. */
export interface Initialize {
  build: Build;
}

/** Initialized introduces the daemon: a client whose build is newer replaces it, and every other one is served. */
export interface Initialized {
  build: Build;
  /** Capabilities are what it can do beyond the first build of its protocol. */
  capabilities: string[] | null;
}

/** Leave ends routes of the caller's computer. */
export interface Leave {
  /** All ends all routes of this computer, wherever they are. */
  all?: boolean;
  caller: Caller;
  /** Service is whose routes end, in the caller's namespace. Session names one route, wherever it is. */
  service?: string;
  session?: string;
}

/** Leftover is a session in a namespace, or what one has left there. */
export interface Leftover {
  holder?: Holder;
  /** Key names it in its namespace. */
  key: string;
  /** Kind is that of the session: "dev", "tunnel" or "route". */
  kind: string;
  namespace: string;
  reason?: string;
  /** Session, Holder and Since are known of sessions whose record is there. */
  session?: string;
  /** Silent is how many seconds ago its daemon was last heard of. */
  silent?: number;
  since?: string;
  state: LeftoverState;
  /** What it is, for people. */
  what: string;
}

/** LeftoverState says whether something of nhctl's may be removed. */
export type LeftoverState = Open<"yours" | "held" | "abandoned" | "unclear">;

/** Leftovers lists all that nhctl has in the caller's namespace, of every kind, whoever's it is. */
export interface Leftovers {
  /** AllNamespaces looks in all namespaces that the caller may list, and passes by those in which they may not look. */
  allNamespaces?: boolean;
  caller: Caller;
}

/** LinkData is the state of the carrier to the sidecar. */
export interface LinkData {
  pod?: string;
  reason?: string;
  /** connecting, up, down, stopped */
  state: string;
}

/** List asks for the sessions of the namespace, everyone's. */
export interface List {
  /** AllClusters asks for those of this computer instead, wherever they are. */
  allClusters?: boolean;
  caller: Caller;
}

/** LogData is one line of a command's output. */
export interface LogData {
  /** Command is what printed it: build, run, debug. */
  command?: string;
  container?: string;
  /** Pod and Container are what printed it, where that is a workload's pods. */
  pod?: string;
  /** stdout, stderr, nhctl; of a workload's pods also event */
  stream: string;
  text: string;
  time: string;
}

/** LogLevel says from which level on the daemon logs, until it ends: "debug", "info", "warn" or "error". */
export interface LogLevel {
  level: string;
}

/** Logs asks for the output of a command. */
export interface Logs {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  /** Command is build, run or debug; empty means the service's, run or debug. */
  command?: string;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /**
   * Debugs says that who follows debugs the program, and joins it again whenever it is started again: where its
   * debugger can, it waits for that.
   */
  debugs?: boolean;
  follow?: boolean;
  /** LocalPaths has paths of the synced folders as they are on this computer. */
  localPaths?: boolean;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /** Tail limits to the last lines; 0 means all that is kept. */
  tail?: number;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** Match is a condition of a route. */
export interface Match {
  name?: string;
  /**
   * Of is "header", "path", "method", "baggage", or "mark" for either a header or an entry of baggage; Name is that of
   * the header or of the entry.
   */
  of: string;
  /** Value is exact, the beginning after a "^", or a regular expression after a "~". */
  value: string;
}

/** Mode is how a workload is taken into dev mode. */
export type Mode = Open<"replace" | "duplicate">;

/**
 * Namespace is a namespace that the caller may want to work in. Where they may not list namespaces, those are shown
 * that are known from elsewhere, whether they exist or not.
 */
export interface Namespace {
  name: string;
  /** Polled says why it is asked for every 30 seconds instead of watched. */
  polled?: string;
  sources: Source[] | null;
  /** Terminating says that it is being deleted. */
  terminating?: boolean;
}

/**
 * Overview asks for the sessions of this computer, of every kind and in whatever cluster, each with its status. Whether
 * a connection works was asked at its far end at this moment.
 */
export interface Overview {
  caller: Caller;
}

/** PathData says where a folder of this computer is in the container. */
export interface PathData {
  local: string;
  remote: string;
}

/** PathMapping says where debugpy finds a folder of this computer. */
export interface PathMapping {
  localRoot: string;
  remoteRoot: string;
}

/** Pod is a pod of a workload. */
export interface Pod {
  name: string;
  ready?: boolean;
  restarts?: number;
  /** State is its phase as Kubernetes names it, or why it does not run, such as "CrashLoopBackOff". */
  state: string;
}

/** PodLogs asks for what the pods of any workload print, in dev mode or not. */
export interface PodLogs {
  caller: Caller;
  /** Container is the only one that is shown; empty means all. */
  container?: string;
  /** Events has the cluster's events about the workload and its pods, too. */
  events?: boolean;
  follow?: boolean;
  /** Tail limits each container's output to its last lines; 0 means all that there is. */
  tail?: number;
  workload: string;
}

/** PodVolume is a volume of a workload's pods. */
export interface PodVolume {
  name: string;
  /** Paths are where the containers have it. */
  paths?: string[];
  /** Source is where its content is from, such as "ConfigMap web". */
  source: string;
}

/** Port is a port of a container or Service. */
export interface Port {
  name?: string;
  port: number;
  protocol: string;
  /** Target is the port of the pods that a Service's port leads to: a number, or a name. */
  target?: string;
}

/** PortPair is a local and a remote TCP port. */
export interface PortPair {
  local: number;
  remote: number;
}

/** Process names a process of this computer: by its id, and by when it began in the system's own unit. */
export interface Process {
  pid: number;
  started: number;
}

/** Progress tells how far a call is whose parameters have a workDoneToken. */
export interface Progress {
  token: string | number;
  value: ProgressValue;
}

/** ProgressKind is which part of a progress a value is. */
export type ProgressKind = Open<"begin" | "report" | "end">;

/** ProgressValue is a moment of a call. */
export interface ProgressValue {
  /** Cancellable says that the call can be cancelled. */
  cancellable?: boolean;
  kind: ProgressKind;
  /** Message is the step that the call is at, or how it ended. */
  message?: string;
  /** Title says what is done, at the beginning. */
  title?: string;
}

/** Question is what the user must decide before nhctl does something. */
export interface Question {
  choices: Choice[] | null;
  /** ID names the question and all that it is about: the answer to one is none to any other. */
  id: string;
  text: string;
}

/** Reason says why a path is synced or not. */
export interface Reason {
  /** Above is the folder that the rule is about, where it is not the path itself. */
  above?: string;
  file?: string;
  line?: number;
  /** Mount says what the container has mounted there, such as "ConfigMap web": that is no part of sync. */
  mount?: string;
  /** OneWay says that it goes to the pod and never comes back changed. */
  oneWay?: boolean;
  path: string;
  /**
   * Rule is the one that decided; File and Line say where it is. They are empty for a name that never travels, and
   * where no rule matches.
   */
  rule?: string;
  /** Source is the absolute path of File on this computer; empty where the rule is in no file. */
  source?: string;
  synced: boolean;
  text: string;
}

/** Remedy is a way out: a call, a link, or a command. */
export interface Remedy {
  /**
   * Command is a program with its arguments for a terminal of the user's, where it may ask them. What failed is tried
   * again once it has ended.
   */
  command?: string[];
  link?: string;
  /**
   * Method is that of the call; empty means the one that failed. Params are laid over the parameters of the call that
   * failed. A remedy of something else than an error has a Method, and Params that lack the caller alone.
   */
  method?: string;
  params?: unknown;
  title: string;
}

/**
 * RemoveLeftovers ends and removes some of them, each in the way of its kind. Those that have gone by themselves are no
 * failure.
 */
export interface RemoveLeftovers {
  caller: Caller;
  /** Keys are those of the leftovers, as they were listed in the caller's namespace. */
  keys: string[] | null;
  /** Others are sessions that someone else holds: they stay unless their ids are here. */
  others?: string[];
}

/** Route is how a route is. */
export interface Route {
  /**
   * Dev is the workload to whose duplicate in the cluster the route leads, as KIND/NAME, where it does not lead here.
   */
  dev?: string;
  /**
   * Direct are the connections of this computer's own programs that came to the local process without the cluster.
   * NotDirect says why those of an exchange go through the cluster, if they do.
   */
  direct?: number;
  dropped?: number;
  errors: number;
  failedOpen: number;
  /** Last are the last requests that were this route's, the oldest first. */
  last?: RoutedRequest[];
  /**
   * Matched are the requests, or connections of other protocols, that came here, Passed those that did not match.
   * FailedOpen were this route's and answered by the originals, Errors were and got no answer. Of a mirror, Matched are
   * the copies that were handed over, Dropped those that were given up since too many waited.
   */
  matched: number;
  matches?: Match[];
  /** Mirror says that copies of requests come here. */
  mirror?: boolean;
  notDirect?: string;
  /** Open are the connections to the local process at the moment. */
  open: number;
  passed: number;
  ports: RoutePort[] | null;
  reason?: string;
  /**
   * RoundTrip is how long the front's answer took, in milliseconds, over the way that requests go. It is 0 where no
   * answer came, and then Reason says why: in the meantime the originals answer.
   */
  roundTrip?: number;
  service: string;
  /** Until is when the route ends by itself, if it does. */
  until?: string;
}

/** RoutePort is a port of a Service, the pods' port that it leads to, and where it leads to on this computer. */
export interface RoutePort {
  local: string;
  port: number;
  target: number;
}

/** RoutedRequest is a request that was a route's. */
export interface RoutedRequest {
  /** FailedOpen says why the originals answered, if they did. */
  failedOpen?: string;
  method: string;
  path: string;
  /** Status is the answer's, 0 where there was none. */
  status: number;
  time: string;
}

/** Run starts the config's run or build command, or Argv. */
export interface Run {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  /** Args are further arguments of the config's run command, and Env further variables of what is started. */
  args?: string[];
  argv?: string[];
  caller: Caller;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  env?: Record<string, string>;
  /** KeepRunning refuses where the service runs already, instead of replacing it. */
  keepRunning?: boolean;
  /** LocalPaths has paths of the synced folders in a build's output as they are on this computer. */
  localPaths?: boolean;
  /** NoBuild leaves out the build command. */
  noBuild?: boolean;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /** TTY gives the program a terminal for its output. */
  tty?: boolean;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** SaveData is a change that the other side has. */
export interface SaveData {
  /** of several, the last */
  path: string;
  /** Seconds passed until the container had confirmed it: a little more than until it was visible there. */
  seconds: number;
  /** when it was saved */
  time: string;
}

/** ServerInfo is how an editor shows whom it talks to. */
export interface ServerInfo {
  name: string;
  version: string;
}

/** Service is a Service of a workload. */
export interface Service {
  name: string;
  ports?: Port[];
}

/** Session is one developer's work on one workload. */
export interface Session {
  abandoned?: boolean;
  commands?: CommandData[];
  container: string;
  /** Containers are all in dev mode, where there are several; Container is the first. */
  containers?: string[];
  /**
   * Context is the kubeconfig context that leads to a session of this computer, Server its API server's address, where
   * one list has those of several clusters.
   */
  context?: string;
  /** on the holder's computer */
  folder?: string;
  forwards?: ForwardData[];
  heartbeat: string;
  holder: Holder;
  id: string;
  image?: string;
  /**
   * Kind is that of a session which is not of dev mode: KindTunnel or KindRoute. Then what is about a twin is empty,
   * and Workload is the one whose pod a tunnel's gateway is, if it is one's.
   */
  kind?: string;
  lease?: string;
  link?: LinkData;
  live: boolean;
  /** Mine says that this daemon's user and host hold it; Live that this daemon serves it now. */
  mine: boolean;
  mode: Mode;
  namespace: string;
  /** Notices say what the user should know now, such as an original that someone scaled up. */
  notices?: string[];
  /** entering, active, leaving */
  phase: string;
  pod?: string;
  reattached?: boolean;
  /** Route is how a route is. */
  route?: Route;
  server?: string;
  /** Silent is how many seconds ago that was, by the API server's clock. Abandoned says that anyone may end it. */
  silent?: number;
  since: string;
  sync?: SyncData[];
  /** Tunnel is how a tunnel is. */
  tunnel?: Tunnel;
  /** name of the twin Deployment */
  twin: string;
  /**
   * Unreadable says why the record of a session can't be read; then Lease names its Lease, and the other fields are
   * empty.
   */
  unreadable?: string;
  /** in the dev container */
  workDir?: string;
  /** "deployment/web" */
  workload: string;
}

/** Size is a terminal's, in characters. */
export interface Size {
  columns: number;
  rows: number;
}

/** Source is where a namespace is known from. */
export type Source = Open<"cluster" | "kubeconfig" | "sessions">;

/** Start begins dev mode, or re-attaches to the caller's own live session of that workload. */
export interface Start {
  /**
   * AbandonAfter is how long the session blocks others once its daemon is silent; 0 means the config's, or the default.
   */
  abandonAfter?: number;
  allContainers?: boolean;
  allPods?: boolean;
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  /**
   * ByExec plants the sidecar through exec, and ByImage from its image and in no other way. Without either, it comes
   * through exec where the image can't be pulled.
   */
  byExec?: boolean;
  byImage?: boolean;
  caller: Caller;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /**
   * ExtraContainers are other containers of the pod to develop with Container; AllContainers means all that the config
   * has a dev image for.
   */
  extraContainers?: string[];
  /** Folder is the local folder to sync; empty means the one that holds the config's .dev folder. */
  folder?: string;
  /** Image overrides the config's dev image. */
  image?: string;
  /** empty: the config's, or what the kind's is */
  mode?: Mode;
  /**
   * Ordinal chooses the pod of a StatefulSet; nil means the config's, or the highest. AllPods parks those below it too.
   */
  ordinal?: number;
  /** Profile is an overlay of the config. */
  profile?: string;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /** SidecarImage overrides the build's. */
  sidecarImage?: string;
  /** TakeOver ends another's session of the workload, Wait waits for its end. */
  takeOver?: boolean;
  /** Timeout limits the whole start; 0 means the default. */
  timeout?: number;
  wait?: boolean;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
  /** Yes says yes to every question that has this one answer. */
  yes?: boolean;
}

/** StepData is one step of a long job, such as "create twin". */
export interface StepData {
  /** Detail says what the step is waiting for, or what it did. */
  detail?: string;
  name: string;
  /** Seconds is how long the step took, at its end. */
  seconds?: number;
  state: StepState;
}

/** StepState is where a step stands. */
export type StepState = Open<"started" | "waiting" | "done" | "failed" | "undone">;

/** Stop ends a command. */
export interface Stop {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  /** Command is build, run or debug; empty means what runs. */
  command?: string;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** Subscribe asks for a topic: a snapshot, then changes. */
export interface Subscribe {
  /** AllClusters asks for the sessions of this computer, wherever they are. */
  allClusters?: boolean;
  caller: Caller;
  container?: string;
  /**
   * Kinds are custom resources that TopicWorkloads has in addition to the kinds of Kubernetes and those that the config
   * of Caller.Dir names: as "rollouts.v1alpha1.argoproj.io", with the place of their pod template, where an empty one
   * means spec.template.
   */
  kinds?: Record<string, string>;
  session?: string;
  topic: Topic;
  /** Workload, Session and Container name the session of TopicStatus and TopicSync, as those of a Target do. */
  workload?: string;
}

/** Substitution says where delve finds a folder of this computer. */
export interface Substitution {
  /** here */
  from: string;
  /** in the container */
  to: string;
}

/** SyncAction is what sync is to do. */
export type SyncAction = Open<"pause" | "resume" | "override" | "reset" | "accept" | "restore" | "resolve" | "folder">;

/** SyncContent is the content of a kept version. */
export interface SyncContent {
  content: string | null;
}

/** SyncData is the state of one synced folder. */
export interface SyncData {
  /** in the folder */
  bytes: number;
  /** from the container */
  bytesToCome: number;
  /** to the container */
  bytesToGo: number;
  /** ConflictPaths are those files, newest first; at most 100. */
  conflictPaths?: string[];
  /** Conflicts is the number of files that both sides changed, and no one has decided about. */
  conflicts?: number;
  /** reason by path */
  errors?: Record<string, string>;
  /** in the folder */
  files: number;
  /** from the container */
  filesToCome: number;
  /** to the container */
  filesToGo: number;
  folder?: string;
  /** Full are the sides whose disk has no room for what it lacks. Sync tries again by itself. */
  full?: FullData[];
  /** Held is a mass deletion that waits for a decision. */
  held?: HeldData;
  /** LastSave is the last change made here that the container has. */
  lastSave?: SaveData;
  /** Mounts are what the container has mounted below the folder, which is no part of sync: the source by path. */
  mounts?: Record<string, string>;
  /** NotCarried are files that don't arrive as they are, such as FIFOs and hard links, with the reason. */
  notCarried?: Record<string, string>;
  /** bytes a second */
  rate: number;
  /** Remaining is the estimated time left, in seconds; 0 when unknown or done. */
  remaining?: number;
  /** Remedies are the calls that end the pause, or decide what waits for a decision: Held and the conflicts. */
  remedies?: Remedy[];
  /** State is idle, scanning, syncing, paused, held (a mass deletion waits for a decision), disconnected or error. */
  state: string;
  /** Syncing are some of the paths that are on their way, in either direction. */
  syncing?: string[];
}

/** SyncDo asks for an action. */
export interface SyncDo {
  action: SyncAction;
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /** Path is relative to Caller.Dir, or absolute; empty means all. */
  path?: string;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /**
   * Side is whose content a conflict is decided for: local, remote, or empty for what is in place now. Of a Version it
   * is the one that keeps it.
   */
  side?: string;
  /** Version is the ID of the version of Path to restore; empty means the newest of each side. */
  version?: string;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
  /** Yes says yes to the question whether to override, or to accept. */
  yes?: boolean;
}

/** SyncDone is what an action did. */
export interface SyncDone {
  action: SyncAction;
  /** Files is how many files it was about. */
  files: number;
  folders: string[] | null;
}

/** SyncFolder asks to sync another folder of this computer. */
export interface SyncFolder {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  folder: string;
  /** Of is the synced folder that it takes the place of; empty means the sources. */
  of?: string;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** SyncKept asks for the content of a kept version. */
export interface SyncKept {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /** Path is that of the file: relative to Caller.Dir, or absolute. */
  path: string;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /** Side keeps the version: local, remote. */
  side: string;
  /** Version is the version's ID. */
  version: string;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** SyncPath asks about a path. */
export interface SyncPath {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  /** Conflicts asks for open conflicts only. */
  conflicts?: boolean;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /** Path is relative to Caller.Dir, or absolute; empty means all. */
  path?: string;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** SyncVersion is a kept version of a file. */
export interface SyncVersion {
  bytes: number;
  folder: string;
  /** ID names the version on its side. */
  id: string;
  /** Path is that of the file in the folder, with slashes. */
  path: string;
  /** replaced, deleted, moved, conflict, first */
  reason: string;
  /** where it was, and is kept: local, remote */
  side: string;
  /** of a link */
  target?: string;
  time: string;
}

/** SyncWait asks to wait until everything that was saved before is in the container. */
export interface SyncWait {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /** Timeout limits the wait; 0 means the default. */
  timeout?: number;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** Synced is a synced folder of a session. */
export interface Synced {
  /** in the folder */
  bytes: number;
  /** from the container */
  bytesToCome: number;
  /** to the container */
  bytesToGo: number;
  /** ConflictPaths are those files, newest first; at most 100. */
  conflictPaths?: string[];
  /** Conflicts is the number of files that both sides changed, and no one has decided about. */
  conflicts?: number;
  container: string;
  /** reason by path */
  errors?: Record<string, string>;
  /** in the folder */
  files: number;
  /** from the container */
  filesToCome: number;
  /** to the container */
  filesToGo: number;
  folder?: string;
  /** Full are the sides whose disk has no room for what it lacks. Sync tries again by itself. */
  full?: FullData[];
  /** Held is a mass deletion that waits for a decision. */
  held?: HeldData;
  /** Index is the folder's place among the session's; the sources come first. */
  index: number;
  /** LastSave is the last change made here that the container has. */
  lastSave?: SaveData;
  /** Mounts are what the container has mounted below the folder, which is no part of sync: the source by path. */
  mounts?: Record<string, string>;
  /** NotCarried are files that don't arrive as they are, such as FIFOs and hard links, with the reason. */
  notCarried?: Record<string, string>;
  /** bytes a second */
  rate: number;
  /** Remaining is the estimated time left, in seconds; 0 when unknown or done. */
  remaining?: number;
  /** Remedies are the calls that end the pause, or decide what waits for a decision: Held and the conflicts. */
  remedies?: Remedy[];
  session: string;
  /** State is idle, scanning, syncing, paused, held (a mass deletion waits for a decision), disconnected or error. */
  state: string;
  /** Syncing are some of the paths that are on their way, in either direction. */
  syncing?: string[];
}

/** Target names a session of the caller's. */
export interface Target {
  /** Answers are those to the questions that this call was refused with. That a config is trusted is remembered. */
  answers?: Record<string, string>;
  caller: Caller;
  /** Container is a container in dev mode; empty means the only one, or the first. */
  container?: string;
  /** Session is a session id, where the workload alone is ambiguous. */
  session?: string;
  /**
   * Workload is "deploy/web" or "web"; empty means the one that the config of Caller.Dir names, or without a config
   * that of the only session.
   */
  workload?: string;
}

/** Test says which tests are meant: all, as the sources suggest, or those of a file. */
export interface Test {
  /** File is one of the synced sources, as an absolute path of this computer; empty means all tests. */
  file?: string;
  /** Line is one of the test that is meant, counted from 1; 0 means all tests of the file. */
  line?: number;
}

/** TestCase is a test in a file. */
export interface TestCase {
  end: number;
  /** Line and End are its first and last line, counted from 1. */
  line: number;
  /** Name is what the language's test runner calls it: "TestPrice", "PriceTest::test_rounds". */
  name: string;
}

/** Tests asks for the tests in a file's text, which may not be saved yet. */
export interface Tests {
  /** File is the file's name, by which its language is known. */
  file: string;
  text: string;
}

/** Topic is what a subscription is about. */
export type Topic = Open<"clusters" | "namespaces" | "workloads" | "sessions" | "forwards" | "status" | "overview" | "sync">;

/** Tunnel is how a tunnel is. */
export interface Tunnel {
  failed: number;
  /** Method is how programs use it: "socks", a proxy for SOCKS5 and HTTP on Port of 127.0.0.1. */
  method: string;
  /**
   * Open are the connections at the moment, Opened all since the daemon began, and Failed those that reached nothing.
   */
  open: number;
  opened: number;
  port?: number;
  reason?: string;
  received: number;
  /**
   * RoundTrip is how long the gateway's answer took, in milliseconds, over the way that connections go. It is 0 where
   * no answer came, and then Reason says why.
   */
  roundTrip?: number;
  /** Sent and Received are bytes to and from the cluster. */
  sent: number;
}

/** Type is the dotted name of a kind of event. */
export type Type = Open<"step" | "notice" | "sync.state" | "sync.conflict" | "link.state" | "forward.up" | "forward.error" | "log" | "command" | "result" | "error">;

/**
 * Update tells what is new in a topic: in a snapshot all items, else those that came or changed, by their keys. The
 * field of the topic is set. At most ten come a second; a client that does not keep up gets a snapshot.
 */
export interface Update {
  /** Call is the id of the subscription's call, as JSON. */
  call: string;
  clusters?: Record<string, Cluster>;
  forwards?: Record<string, Forwarded>;
  /** Gone are the keys of items that are there no more. */
  gone?: string[];
  namespaces?: Record<string, Namespace>;
  overview?: Record<string, Session>;
  /** Problem says why the topic may not be as it is at this moment, until an update comes without one. */
  problem?: Error;
  sessions?: Record<string, Session>;
  snapshot?: boolean;
  status?: Record<string, Session>;
  sync?: Record<string, Synced>;
  topic: Topic;
  workloads?: Record<string, Workload>;
}

/**
 * VSCodeData is a configuration of VS Code's launch.json. Next to the arguments of DAP, it has what the language's
 * extension finds the debugger by.
 */
export interface VSCodeData {
  /** node */
  address?: string;
  /** python */
  connect?: Connection;
  /** ruby: HOST:PORT */
  debugPort?: string;
  /** c, cpp, rust: a port */
  debugServer?: number;
  /** c, cpp, rust */
  disableASLR?: boolean;
  /** go */
  host?: string;
  /** java */
  hostName?: string;
  /** node */
  localRoot?: string;
  /** ruby: REMOTE:LOCAL, with commas between */
  localfsMap?: string;
  /** go: remote */
  mode?: string;
  name: string;
  /** ruby: what waits goes on once configured */
  nonstop?: boolean;
  /** python */
  pathMappings?: PathMapping[];
  /** go, java, node */
  port?: number;
  /** c, cpp, rust */
  program?: string;
  /** node */
  remoteRoot?: string;
  request: string;
  /** node: attach again to what a reloader starts */
  restart?: boolean;
  /** c, cpp, rust: remote, local */
  sourceMap?: string[][];
  /** go */
  substitutePath?: Substitution[];
  /** the extension's */
  type: string;
}

/** Volume is a developer's claim for a folder of a workload. */
export interface Volume {
  capacity: string;
  created: string;
  developer: string;
  mine: boolean;
  name: string;
  path: string;
  /** as Kubernetes names it */
  phase: string;
  /** that uses it now */
  pod?: string;
  workload: string;
}

/** Volumes means the claims that outlive dev mode: of one workload, or of all when Workload is empty. */
export interface Volumes {
  caller: Caller;
  workload?: string;
}

/**
 * WantedPort is a port of a Service, by its number or its name, and where it leads to on this computer: a port,
 * HOST:PORT, or unix:PATH; or "dev" for the caller's duplicate in the cluster. Empty means the number of the pods'
 * port.
 */
export interface WantedPort {
  local?: string;
  port: string;
}

/** Workload is a workload that can be taken into dev mode, or is. */
export interface Workload {
  containers?: Container[];
  kind: string;
  name: string;
  /** Owner is the object that controls it, as "KIND/NAME", and would undo changes to it. */
  owner?: string;
  podCount?: number;
  /**
   * Pods are its own, without those of dev mode: at most twenty, those that are not ready first. PodCount is how many
   * there are.
   */
  pods?: Pod[];
  /** Polled says why it is asked for every 30 seconds instead of watched. */
  polled?: string;
  replicas: number;
  /** Services are those that select its pods. */
  services?: Service[];
  /** Sessions are those of dev mode that hold or copy it. */
  sessions?: WorkloadSession[];
  suspended?: boolean;
  /** Volumes are those of its pods. */
  volumes?: PodVolume[];
  /** "deployment/web" */
  workload: string;
}

/** WorkloadSession is a session of a workload. */
export interface WorkloadSession {
  drift?: Drift;
  driftAt?: string;
  /**
   * DriftBy is who changed it, as the API server names their program, and DriftAt when; empty where it does not say.
   */
  driftBy?: string;
  holder: Holder;
  id: string;
  /** Mine says that the caller's user and host hold it. */
  mine?: boolean;
  mode: Mode;
  phase: string;
  since: string;
}

/** The calls. */
export interface Methods {
  "cancel": { params: Cancel; result: object };
  "daemon.logLevel": { params: LogLevel; result: object };
  "daemon.status": { params: undefined; result: Daemon };
  "daemon.stop": { params: undefined; result: object };
  "dev.build": { params: Params<Run>; result: CommandData };
  "dev.debug": { params: Params<Debug>; result: DebugData };
  "dev.end": { params: Params<End>; result: Ended };
  "dev.forward": { params: Params<Forward>; result: ForwardData[] | null };
  "dev.list": { params: Params<List>; result: Session[] | null };
  "dev.logs": { params: Params<Logs>; result: object };
  "dev.restart": { params: Params<Target>; result: CommandData };
  "dev.run": { params: Params<Run>; result: CommandData };
  "dev.start": { params: Params<Start>; result: Session };
  "dev.status": { params: Params<Target>; result: Session };
  "dev.stop": { params: Params<Stop>; result: CommandData };
  "dev.sync.content": { params: Params<SyncKept>; result: SyncContent };
  "dev.sync.do": { params: Params<SyncDo>; result: SyncDone };
  "dev.sync.explain": { params: Params<SyncPath>; result: Reason };
  "dev.sync.folder": { params: Params<SyncFolder>; result: SyncDone };
  "dev.sync.status": { params: Params<Target>; result: SyncData[] | null };
  "dev.sync.versions": { params: Params<SyncPath>; result: SyncVersion[] | null };
  "dev.sync.wait": { params: Params<SyncWait>; result: SyncData[] | null };
  "dev.tests": { params: Tests; result: TestCase[] | null };
  "dev.volumes": { params: Params<Volumes>; result: Volume[] | null };
  "dev.volumes.clean": { params: Params<Volumes>; result: Volume[] | null };
  "initialize": { params: object; result: BridgeInitialized };
  "leftovers.list": { params: Params<Leftovers>; result: Leftover[] | null };
  "leftovers.remove": { params: Params<RemoveLeftovers>; result: Leftover[] | null };
  "route.begin": { params: Params<BeginRoute>; result: Session };
  "route.leave": { params: Params<Leave>; result: Ended };
  "sessions.status": { params: Params<Overview>; result: Session[] | null };
  "shutdown": { params: undefined; result: null };
  "subscribe": { params: Params<Subscribe>; result: object };
  "tunnel.carry": { params: Params<Carry>; result: object };
  "tunnel.connect": { params: Params<Connect>; result: Session };
  "tunnel.disconnect": { params: Params<Disconnect>; result: Ended };
  "workload.logs": { params: Params<PodLogs>; result: object };
}

/** The notifications of nhctl. */
export interface Notifications {
  "$/progress": Progress;
  "event": Event;
  "update": Update;
}

/** The notifications of the editor. */
export interface ClientNotifications {
  "$/cancelRequest": CancelRequest;
  "exit": undefined;
  "initialized": object;
}
