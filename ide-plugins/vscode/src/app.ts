import * as vscode from "vscode";
import type { Program } from "./connection/bridge";
import { Connection, type State } from "./connection/connection";
import { setContext } from "./context";
import { Debugging } from "./debug/debug";
import { Folders } from "./folders";
import { WindowDesk } from "./hammer/desk";
import { Hammer } from "./hammer/hammer";
import { Work } from "./hammer/work";
import { House } from "./house/house";
import { Links } from "./house/links";
import { Programs } from "./house/programs";
import { Language, type Serve } from "./language/language";
import { clockwork } from "./model/state";
import { Subscriptions } from "./model/subscriptions";
import { ofSession, targetOf } from "./model/target";
import { World } from "./model/world";
import type * as rpc from "./rpc";
import { Bar } from "./session/bar";
import { CurrentSession } from "./session/current";
import { Logs } from "./session/logs";
import { SessionMenu } from "./session/menu";
import { Terminals } from "./session/terminal";
import { Tasks } from "./tasks/tasks";
import { Testing } from "./testing/testing";
import { Nhctl } from "./nhctl";
import { editor, settings } from "./settings";
import { Sync } from "./sync/sync";
import { capital, label } from "./text";
import type { Choices } from "./tree/children";
import { Favourites } from "./tree/favourites";
import { Painter } from "./tree/look";
import { TrafficCommands } from "./traffic/commands";
import { DebugHere } from "./traffic/here";
import { TrafficView } from "./traffic/view";
import { Tree } from "./tree/tree";
import { TreeCommands } from "./tree/commands";

/** The whole extension: makes its parts, and tells them of each other. */
export class App implements vscode.Disposable {
  readonly connection: Connection;
  readonly tree: Tree;
  readonly traffic: TrafficView;
  readonly current: CurrentSession;
  readonly links: Links;

  private readonly disposables: vscode.Disposable[] = [];
  private readonly log = vscode.window.createOutputChannel("nhctl", { log: true });
  private readonly nhctl: Nhctl;

  constructor(context: vscode.ExtensionContext, load: () => Serve) {
    const world = new World();
    const nhctl = new Nhctl(context.extensionPath);
    this.nhctl = nhctl;
    this.connection = new Connection({
      find: () => this.start(),
      log: (line) => this.log.info(line),
      notice: (text) => {
        this.log.info(text);
        void vscode.window.showInformationMessage(capital(label(text, 400)));
      },
      t: vscode.l10n.t,
    });
    const folders = new Folders(nhctl);
    const favourites = new Favourites(context.globalState);
    const choices = (): Choices => ({
      grouping: settings.grouping(),
      services: folders.services,
      favourites: favourites.list,
    });
    const subscriptions = new Subscriptions(this.connection, world, editor, (scope, change) => {
      this.tree.note(scope, change);
      this.traffic.note(scope);
      this.current.note(scope, change);
    });
    const at = clockwork(vscode.env.language);
    const painter = new Painter(world, choices, at, vscode.l10n.t);
    const images = vscode.Uri.joinPath(context.extensionUri, "images");
    this.tree = new Tree(world, subscriptions, this.connection, painter, choices, images);
    this.traffic = new TrafficView(world, subscriptions, at, images);

    const programs = new Programs();
    const house = new House(nhctl, programs);
    const work = new Work(this.connection, new WindowDesk(this.log, programs), this.log);
    const now = (): rpc.Session | undefined => this.current.value;
    const hammer = new Hammer(work, world, folders, now);
    this.links = new Links(nhctl, this.connection, folders, hammer);
    this.current = new CurrentSession(world, subscriptions, (session) => hammer.endAbandoned(ofSession(session)));
    const bar = new Bar();
    const menu = new SessionMenu(now);
    const sync = new Sync(work, this.connection, now, at);
    const terminals = new Terminals(nhctl, world, now);
    const logs = new Logs(this.connection, world, now);
    const debugging = new Debugging(nhctl, folders, now);
    const here = new DebugHere(nhctl, world);
    const tasks = new Tasks(nhctl, folders, now);
    const testing = new Testing(nhctl, this.connection, folders, now);
    const language = new Language(nhctl, load, this.log);
    const commands = new TreeCommands(this.tree, world, subscriptions, folders, favourites, work.desk, now);

    this.disposables.push(
      this.tree,
      this.traffic,
      this.current,
      subscriptions,
      folders,
      favourites,
      bar,
      sync,
      logs,
      debugging,
      tasks,
      testing,
      language,
      this.current.onChange((session) => {
        bar.show(session);
        sync.show(session);
        setContext("nhctl.session", session !== undefined);
      }),
      this.connection.onChange((state) => this.show(state)),
      folders.onChange(() => this.tree.refresh()),
      favourites.onChange(() => this.tree.refresh()),
      vscode.workspace.onDidChangeConfiguration((change) => this.reconfigure(change)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.begin(folders, language)),
      vscode.window.registerTerminalProfileProvider("nhctl.terminal", terminals),
      vscode.window.registerUriHandler(this.links),
      ...register({
        "nhctl.start": (argument, folder) => hammer.start(targetOf(argument, folder)),
        "nhctl.startCopy": (argument) => hammer.startCopy(argument),
        "nhctl.startWith": (argument) => hammer.startWith(argument),
        "nhctl.waitOrTakeOver": (argument) => hammer.start(argument),
        "nhctl.copyHolder": (argument) => hammer.copyHolder(argument),
        "nhctl.openFolder": (argument) => hammer.openFolder(argument),
        "nhctl.end": (argument) => hammer.end(argument),
        "nhctl.endAbandoned": (argument) => hammer.endAbandoned(argument),
        "nhctl.terminal": (argument) => terminals.open(argument),
        "nhctl.copyTerminalCommand": (argument) => terminals.copy(argument),
        "nhctl.logs": (argument) => logs.show(argument),
        "nhctl.podLogs": (argument) => logs.pods(argument),
        "nhctl.debug": (argument, folder) => debugging.start(targetOf(argument, folder)),
        "nhctl.debugHere": (argument) => here.start(argument),
        "nhctl.sessionMenu": () => menu.show(),
        "nhctl.init": (argument) => house.init(argument),
        "nhctl.import": () => house.import(),
        "nhctl.doctor": (argument) => house.doctor(argument),
        "nhctl.support": () => house.support(),
        "nhctl.demo": () => house.demo(),
        "nhctl.restart": () => this.again(),
        "nhctl.showLog": () => this.log.show(),
        ...commands.all(),
        ...new TrafficCommands(work, world).all(),
        ...sync.all(),
      }),
    );
    setContext("nhctl.groupBy", settings.grouping());
    setContext("nhctl.platform", process.platform); // of where nhctl runs, which may not be where the window is
    this.begin(folders, language);
    testing.finder.start();
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
    this.connection.dispose();
    this.log.dispose();
  }

  /** Starts what runs programs: in a folder that the user does not trust, each of them finds none. */
  private begin(folders: Folders, language: Language): void {
    this.connection.start();
    this.current.watch();
    language.start();
    folders.start();
  }

  private again(): void {
    this.nhctl.forget();
    this.connection.restart();
  }

  private async start(): Promise<Program | "missing" | "untrusted"> {
    const found = await this.nhctl.find();
    if (!found) {
      return vscode.workspace.isTrusted ? "missing" : "untrusted";
    }
    this.log.info(`nhctl ${found.version} (${found.origin}): ${found.path}`);
    const { dir } = editor();
    return { path: found.path, args: ["ide"], ...(dir && { cwd: dir }) };
  }

  /** Says on the screen how the connection is: once, and with what to do. */
  private show(state: State): void {
    setContext("nhctl.state", state.kind === "failed" ? state.failure : state.kind);
    if (state.kind !== "failed") {
      return;
    }
    const { message, hint } = this.connection.problem(state);
    this.log.error(`${message}${hint ? `: ${hint}` : ""}`);
  }

  private reconfigure(change: vscode.ConfigurationChangeEvent): void {
    if (change.affectsConfiguration("nhctl.path") || change.affectsConfiguration("nhctl.kubeconfig")) {
      this.again();
    }
    if (change.affectsConfiguration("nhctl.tree.groupBy")) {
      setContext("nhctl.groupBy", settings.grouping());
      this.tree.refresh();
    }
  }
}

function register(commands: Record<string, (argument: unknown, more: unknown) => unknown>): vscode.Disposable[] {
  return Object.entries(commands).map(([id, run]) => vscode.commands.registerCommand(id, run));
}
