import * as vscode from "vscode";
import type { Work } from "../hammer/work";
import { type Target, targetOf, targetParams } from "../model/target";
import type { World } from "../model/world";
import type * as rpc from "../rpc";
import { editor } from "../settings";
import { capital, label } from "../text";
import { curl, type Entry } from "./entries";
import { askPorts } from "./ask";
import { previewPorts } from "./wanted";

/** How long a request waits for a local process that restarts, in nanoseconds: as `nhctl exchange` has it. */
const hold = 2_000_000_000;
/** How long a preview lasts, in nanoseconds: as `nhctl preview` has it. */
const lifetime = 8 * 3_600 * 1_000_000_000;

/** The commands that lead a Service's traffic to this computer, and end that. */
export class TrafficCommands {
  constructor(
    private readonly work: Work,
    private readonly world: World,
  ) {}

  all(): Record<string, (argument: unknown) => unknown> {
    return {
      "nhctl.exchange": (node) => this.route(node, (name) => vscode.l10n.t("Exchange of {0}", name), {}),
      "nhctl.mesh": (node) => this.route(node, (name) => vscode.l10n.t("Mesh of {0}", name), { mesh: true }),
      "nhctl.mirror": (node) => this.route(node, (name) => vscode.l10n.t("Mirror of {0}", name), { mirror: true }),
      "nhctl.preview": (node) => this.preview(node),
      "nhctl.connect": (node) => this.connect(node),
      "nhctl.leave": (entry) => this.leave(entry),
      "nhctl.disconnect": (entry) => this.disconnect(entry),
      "nhctl.copyCurl": (entry) => this.copyCurl(entry),
    };
  }

  private async route(node: unknown, title: (name: string) => string, more: Partial<rpc.BeginRoute>): Promise<void> {
    const target = targetOf(node);
    const service = this.service(node, target);
    const ports = service && (await askPorts(service));
    if (!ports) {
      return;
    }
    await this.begin(title(label(service.name, 60)), target, { service: service.name, ports, hold, ...more });
  }

  /** Offers a process of this computer as a new Service of a namespace. */
  private async preview(node: unknown): Promise<void> {
    const name = await vscode.window.showInputBox({
      title: vscode.l10n.t("Name of the new Service"),
      validateInput: (text) => (/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(text) ? "" : vscode.l10n.t("Such as web-ada")),
      ignoreFocusOut: true,
    });
    const text =
      name &&
      (await vscode.window.showInputBox({
        title: vscode.l10n.t("Port of {0}, and of your process", name),
        value: "80:8080",
        validateInput: (value) => (previewPorts(value) ? "" : vscode.l10n.t("Such as 80:8080")),
        ignoreFocusOut: true,
      }));
    const ports = text && previewPorts(text);
    if (name && ports) {
      const title = vscode.l10n.t("Preview of {0}", name);
      await this.begin(title, targetOf(node), { service: name, ports, hold, preview: true, lifetime });
    }
  }

  private async begin(title: string, target: Target, params: Partial<rpc.BeginRoute>): Promise<void> {
    const { caller } = targetParams(target, editor());
    const outcome = await this.work.do(title, "route.begin", { service: "", ...params, caller });
    if (outcome.kind !== "done") {
      return;
    }
    await vscode.commands.executeCommand("nhctl.traffic.focus");
    const line = curl(outcome.result);
    const copy = vscode.l10n.t("Copy curl Command");
    const [first = ""] = outcome.result.notices ?? [];
    const said = line ? vscode.l10n.t("Requests with your own header come here.") : capital(label(first, 400));
    if (said) {
      void vscode.window.showInformationMessage(`${title}: ${said}`, ...(line ? [copy] : [])).then((picked) => {
        if (picked === copy && line) {
          void vscode.env.clipboard.writeText(line);
        }
      });
    }
  }

  /** Opens a tunnel into a namespace: a proxy on this computer. */
  private async connect(node: unknown): Promise<void> {
    const { caller } = targetParams(targetOf(node), editor());
    const title = vscode.l10n.t("Connect to {0}", label(caller?.namespace ?? "", 60));
    const outcome = await this.work.do(title, "tunnel.connect", { caller });
    if (outcome.kind === "done") {
      await vscode.commands.executeCommand("nhctl.traffic.focus");
    }
  }

  private async leave(entry: unknown): Promise<void> {
    const session = this.session(entry);
    if (session?.route) {
      const title = vscode.l10n.t("Leave {0}", label(session.route.service, 60));
      await this.work.do(title, "route.leave", { caller: this.caller(session), session: session.id });
    }
  }

  private async disconnect(entry: unknown): Promise<void> {
    const session = this.session(entry);
    if (session?.tunnel) {
      const title = vscode.l10n.t("Disconnect from {0}", label(session.namespace, 60));
      await this.work.do(title, "tunnel.disconnect", { caller: this.caller(session), session: session.id });
    }
  }

  private async copyCurl(entry: unknown): Promise<void> {
    const session = this.session(entry);
    const line = session && curl(session);
    if (line) {
      await vscode.env.clipboard.writeText(line);
    }
  }

  private caller({ context, namespace }: rpc.Session): Partial<rpc.Caller> {
    return { ...editor(), ...(context && { context }), namespace };
  }

  private session(entry: unknown): rpc.Session | undefined {
    const id = (entry as Partial<Entry> | undefined)?.session;
    return id === undefined ? undefined : this.world.overview().map.get(id);
  }

  /** The Service that a node of the workloads' tree is about. */
  private service(node: unknown, { place, workload }: Target): rpc.Service | undefined {
    const name = (node as { name?: unknown } | undefined)?.name;
    const item = place && workload ? this.world.workloads(place).map.get(workload) : undefined;
    return item?.services?.find((one) => one.name === name);
  }
}
