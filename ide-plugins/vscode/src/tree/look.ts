import { podState, unready } from "../model/pods";
import { type Clockwork, holderOf, type WorkloadState, workloadState } from "../model/state";
import type { World } from "../model/world";
import type * as rpc from "../rpc";
import { capital, label, literal, type Translate } from "../text";
import { type Choices, members, others } from "./children";
import type { Node, NodeOf, WorkloadAddress } from "./node";

/** How a node looks. It has no type of VS Code's, so that tests need none. */
export interface Look {
  label: string;
  description?: string;
  /** A codicon, or one of the extension's own images. */
  icon?: Icon;
  /** Markdown. */
  tooltip?: string;
  /** What menus see of it: words with spaces between. */
  context: string;
  fold: "none" | "closed" | "open";
  /** Drawn in grey. */
  muted?: boolean;
  /** What a screen reader says. */
  spoken?: string;
  command?: { id: string; title: string };
}

export type Icon = { codicon: string; color?: string } | { image: "hammer" };

/** Draws nodes. */
export class Painter {
  constructor(
    private readonly world: World,
    private readonly choices: () => Choices,
    private readonly at: Clockwork,
    private readonly t: Translate,
  ) {}

  look(node: Node): Look {
    const look = this.plain(node);
    return { ...look, spoken: [look.label, look.description].filter(Boolean).join(", ") };
  }

  /** The state of a workload; undefined if it is not known. */
  state({ place, key }: WorkloadAddress): WorkloadState | undefined {
    const item = this.world.workloads(place).map.get(key);
    return item && workloadState(item, (id) => this.world.session(place, id), this.at, this.t);
  }

  private plain(node: Node): Look {
    switch (node.kind) {
      case "favourites":
        return { label: this.t("Favourites"), icon: { codicon: "star-full" }, context: "favourites", fold: "open" };
      case "context":
        return this.context(node);
      case "namespace":
        return this.namespace(node);
      case "group":
        return this.group(node);
      case "workload":
        return this.workload(node);
      case "container":
        return this.container(node);
      case "port":
        return this.port(node);
      case "service":
        return this.service(node);
      case "pod":
        return this.pod(node);
      case "pods":
        return this.pods(node);
      case "ownPod":
        return this.ownPod(node);
      case "volumes":
        return this.volumes(node);
      case "volume":
        return this.volume(node);
      case "forward":
        return this.forward(node);
      case "message":
        return this.message(node);
    }
  }

  private context(node: NodeOf<"context">): Look {
    const cluster = this.world.clusters().map.get(node.context);
    return {
      label: label(node.context),
      description: cluster?.current ? this.t("current") : undefined,
      icon: { codicon: "server-environment" },
      tooltip: cluster && lines(`**${literal(node.context)}**`, literal(cluster.server), literal(cluster.user)),
      context: "context",
      fold: "closed",
    };
  }

  private namespace(node: NodeOf<"namespace">): Look {
    const { context, namespace } = node.place;
    const item = this.world.namespaces(context).map.get(namespace);
    const usual = this.world.clusters().map.get(context)?.namespace || "default";
    return {
      label: label(namespace),
      description: item?.terminating
        ? this.t("being deleted")
        : namespace === usual
          ? this.t("the context's")
          : undefined,
      icon: { codicon: "symbol-namespace" },
      tooltip: item?.polled && literal(capital(item.polled)),
      context: "namespace",
      fold: "closed",
      muted: item?.terminating,
    };
  }

  private group(node: NodeOf<"group">): Look {
    const { grouping, services } = this.choices();
    const title =
      grouping === "kind"
        ? kindTitle(node.group, this.t)
        : node.group === others
          ? this.t("Other workloads")
          : (services.find((service) => service.folder === node.group)?.title ?? node.group);
    return {
      label: title,
      description: String(members(node, this.world, this.choices()).length),
      icon: {
        codicon: grouping === "kind" ? kindIcon(node.group) : node.group === others ? "ellipsis" : "root-folder",
      },
      context: "group",
      fold: "open",
    };
  }

  private workload(node: NodeOf<"workload">): Look {
    const { place, key } = node;
    const name = label(key.slice(key.indexOf("/") + 1));
    const favourite = this.choices().favourites.some((one) => same(one, node)) ? "favourite" : "";
    const elsewhere = node.parent?.kind === "favourites" ? label(`${place.namespace} · ${place.context}`) : "";
    const item = this.world.workloads(place).map.get(key);
    const state = this.state(node);
    if (!item || !state) {
      return {
        label: name,
        description: elsewhere || this.t("not there"),
        icon: { codicon: "question" },
        context: words("workload", "unknown", favourite),
        fold: "none",
        muted: true,
      };
    }
    const session = state.session && this.world.session(place, state.session.id);
    return {
      label: name,
      description: [state.word, elsewhere].filter(Boolean).join(" · "),
      icon: workloadIcon(item.kind, state),
      tooltip: this.workloadTooltip(item, state, session),
      context: words("workload", state.standing, state.session?.phase ?? "", favourite),
      fold: "closed",
      muted: state.tone === "muted",
    };
  }

  private workloadTooltip(item: rpc.Workload, state: WorkloadState, session: rpc.Session | undefined): string {
    const { t } = this;
    return lines(
      `**${literal(item.workload)}**${state.word ? ` · ${literal(state.word)}` : ""}`,
      session?.holder && t("Held by {0} ({1})", literal(session.holder.local), literal(session.holder.user)),
      state.standing === "other" &&
        t("To work on it, ask {0}, work on a copy, or choose Wait or Take Over.", literal(holderOf(state))),
      session?.folder && t("Folder {0}", literal(session.folder)),
      session?.image && t("Image {0}", literal(session.image)),
      state.session?.driftBy && t("Changed by {0}", literal(state.session.driftBy)),
      ...(session?.notices ?? []).map((notice) => literal(capital(notice))),
      item.owner && t("Controlled by {0}", literal(item.owner)),
      item.polled && literal(capital(item.polled)),
    );
  }

  private container(node: NodeOf<"container">): Look {
    const item = this.world
      .workloads(node.place)
      .map.get(node.key)
      ?.containers?.find((one) => one.name === node.name);
    return {
      label: label(node.name),
      description: label(item?.image ?? ""),
      icon: { codicon: "package" },
      tooltip: item && lines(`**${literal(node.name)}**`, literal(item.image)),
      context: "container",
      fold: item?.ports?.length ? "closed" : "none",
    };
  }

  private port(node: NodeOf<"port">): Look {
    const item = this.world.workloads(node.place).map.get(node.key);
    const port = item?.containers?.find((one) => one.name === node.container)?.ports?.[node.index];
    return {
      label: port ? String(port.port) : "",
      description:
        port && [label(port.name ?? ""), port.protocol === "TCP" ? "" : port.protocol].filter(Boolean).join(" "),
      icon: { codicon: "plug" },
      context: "port",
      fold: "none",
    };
  }

  private service(node: NodeOf<"service">): Look {
    const item = this.world
      .workloads(node.place)
      .map.get(node.key)
      ?.services?.find((one) => one.name === node.name);
    const ports = (item?.ports ?? []).map((port) =>
      !port.target || port.target === String(port.port) ? `${port.port}` : `${port.port} → ${label(port.target)}`,
    );
    return {
      label: label(node.name),
      description: [this.t("Service"), ports.join(", ")].filter(Boolean).join(" · "),
      icon: { codicon: "globe" },
      context: "service",
      fold: "none",
    };
  }

  private pod(node: NodeOf<"pod">): Look {
    const session = this.world.session(node.place, node.session);
    return {
      label: label(session?.pod ?? ""),
      description: this.t("dev pod"),
      icon: { codicon: "vm-running", color: session?.mine ? "charts.green" : undefined },
      context: "pod",
      fold: "none",
      muted: !session?.mine,
    };
  }

  private pods(node: NodeOf<"pods">): Look {
    const item = this.world.workloads(node.place).map.get(node.key);
    const count = item?.podCount ?? 0;
    const waiting = unready(item?.pods ?? []).length;
    return {
      label: this.t("Pods"),
      description: this.t("{0} of {1} ready", count - waiting, count),
      icon: { codicon: "vm" },
      context: "pods",
      fold: "closed",
    };
  }

  private ownPod(node: NodeOf<"ownPod">): Look {
    const item = this.world.workloads(node.place).map.get(node.key);
    const pod = item?.pods?.find((one) => one.name === node.name);
    const restarts = pod?.restarts ?? 0;
    const state = pod && podState(pod, this.t);
    return {
      label: label(node.name),
      description: [
        state?.word,
        restarts === 1 ? this.t("1 restart") : restarts > 1 ? this.t("{0} restarts", restarts) : "",
      ]
        .filter(Boolean)
        .join(" · "),
      icon: state?.trouble ? { codicon: "warning", color: "charts.yellow" } : { codicon: "vm-running" },
      context: "pod",
      fold: "none",
    };
  }

  private volumes(node: NodeOf<"volumes">): Look {
    const item = this.world.workloads(node.place).map.get(node.key);
    return {
      label: this.t("Volumes"),
      description: String(item?.volumes?.length ?? 0),
      icon: { codicon: "save-all" },
      context: "volumes",
      fold: "closed",
    };
  }

  private volume(node: NodeOf<"volume">): Look {
    const item = this.world.workloads(node.place).map.get(node.key);
    const volume = item?.volumes?.find((one) => one.name === node.name);
    return {
      label: label(node.name),
      description: [volume?.source ?? "", ...(volume?.paths ?? [])].map((text) => label(text)).join(" · "),
      icon: { codicon: "save" },
      context: "volume",
      fold: "none",
    };
  }

  private forward(node: NodeOf<"forward">): Look {
    const port = this.world.forwards().map.get(node.forward);
    const open = port?.state === "listening";
    return {
      label: port ? `localhost:${port.local}` : "",
      description:
        port && [`→ ${port.remote}`, open ? "" : label(port.reason || port.state)].filter(Boolean).join(" · "),
      icon: { codicon: open ? "link-external" : "debug-disconnect", color: open ? undefined : "charts.yellow" },
      context: words("forward", open ? "listening" : ""),
      fold: "none",
      command: open ? { id: "nhctl.openForward", title: this.t("Open in Browser") } : undefined,
    };
  }

  /** Why a list is not as it should be, or that it is empty. */
  private message(node: NodeOf<"message">): Look {
    if (node.parent?.kind === "pods") {
      const item = this.world.workloads(node.parent.place).map.get(node.parent.key);
      const more = (item?.podCount ?? 0) - (item?.pods?.length ?? 0);
      return { label: this.t("{0} more", more), context: "message", fold: "none", muted: true };
    }
    const problem = this.problem(node);
    if (!problem) {
      const word = node.parent?.kind === "context" ? this.t("No namespaces") : this.t("No workloads");
      return { label: word, context: "message", fold: "none", muted: true };
    }
    return {
      label: titleOf(problem, this.t),
      description: label(problem.message, 200),
      icon: { codicon: problem.code === "unauthorized" ? "key" : "warning", color: "charts.yellow" },
      tooltip: lines(literal(capital(problem.message)), problem.hint && literal(problem.hint)),
      context: "message problem",
      fold: "none",
      command: { id: "nhctl.showProblem", title: this.t("Show Problem") },
    };
  }

  /** What a message is about. */
  problem(node: NodeOf<"message">): rpc.Error | undefined {
    switch (node.parent?.kind) {
      case "context":
        return this.world.namespaces(node.parent.context).problem;
      case "namespace":
        return this.world.workloads(node.parent.place).problem;
      default:
        return this.world.clusters().problem;
    }
  }
}

/** A problem in two words. */
export function titleOf(problem: rpc.Error, t: Translate): string {
  const titles: Record<string, string> = {
    unreachable: t("Not reachable"),
    timeout: t("No answer"),
    unauthorized: t("Sign in"),
    forbidden: t("Not allowed"),
    "not-found": t("Not found"),
  };
  return titles[problem.code] ?? t("Problem");
}

export function same(a: WorkloadAddress, b: WorkloadAddress): boolean {
  return a.key === b.key && a.place.context === b.place.context && a.place.namespace === b.place.namespace;
}

function workloadIcon(kind: string, state: WorkloadState): Icon {
  if (state.standing === "other") {
    return { codicon: "lock", color: "disabledForeground" };
  }
  switch (state.tone) {
    case "active":
      return { image: "hammer" };
    case "busy":
      return { codicon: "sync~spin", color: "charts.green" };
    case "warning":
      return { codicon: "warning", color: "charts.yellow" };
    default:
      return state.standing === "mine" ? { codicon: "debug-pause" } : { codicon: kindIcon(kind) };
  }
}

function kindIcon(kind: string): string {
  const icons: Record<string, string> = {
    deployment: "layers",
    statefulset: "database",
    daemonset: "broadcast",
    replicaset: "copy",
    job: "play-circle",
    cronjob: "history",
    pod: "vm",
  };
  return icons[kind] ?? "extensions";
}

function kindTitle(kind: string, t: Translate): string {
  const titles: Record<string, string> = {
    deployment: t("Deployments"),
    statefulset: t("StatefulSets"),
    daemonset: t("DaemonSets"),
    replicaset: t("ReplicaSets"),
    job: t("Jobs"),
    cronjob: t("CronJobs"),
    pod: t("Pods"),
  };
  return titles[kind] ?? label(capital(kind));
}

function words(...list: string[]): string {
  return list.filter((word) => word !== "").join(" ");
}

/** Paragraphs of Markdown. */
export function lines(...list: (string | false | undefined)[]): string {
  return list.filter((line) => line).join("  \n");
}
