import type { Items } from "../model/items";
import type { Clockwork } from "../model/state";
import { quoted } from "../model/target";
import type * as rpc from "../rpc";
import { capital, label, literal, type Translate } from "../text";
import { lines, type Look } from "../tree/look";

/** A row of the view: a route or tunnel of this computer, a port of a route, or one of its last requests. */
export type Entry =
  | { kind: "session"; id: string; session: string }
  | { kind: "port"; id: string; session: string; port: number }
  | { kind: "request"; id: string; session: string; age: number };

type Sessions = Items<"overview">;

/** The rows below one; routes come first. */
export function entries(parent: Entry | undefined, sessions: Sessions): Entry[] {
  if (!parent) {
    return [...sessions.map.values()]
      .filter((session) => session.route ?? session.tunnel)
      .sort((a, b) => Number(!a.route) - Number(!b.route) || title(a).localeCompare(title(b)) || (a.id < b.id ? -1 : 1))
      .map(({ id }) => ({ kind: "session", id, session: id }));
  }
  const route = parent.kind === "session" ? sessions.map.get(parent.session)?.route : undefined;
  const { id: session } = parent;
  return [
    ...(route?.ports ?? []).map((_, port): Entry => ({ kind: "port", id: `${session}/port/${port}`, session, port })),
    // The newest is on top.
    ...(route?.last ?? []).map((_, age): Entry => ({ kind: "request", id: `${session}/request/${age}`, session, age })),
  ];
}

/** How a row looks. */
export function look(entry: Entry, sessions: Sessions, at: Clockwork, t: Translate): Look {
  const session = sessions.map.get(entry.session);
  const none: Look = { label: "", context: "", fold: "none" };
  if (!session) {
    return none;
  }
  const { route } = session;
  const found =
    entry.kind === "session"
      ? route
        ? routeLook(session, route, t)
        : session.tunnel && tunnelLook(session, session.tunnel, t)
      : entry.kind === "port"
        ? route && portLook(route.ports?.[entry.port])
        : route && requestLook(route.last?.at(-1 - entry.age), at, t);
  return found ? { ...found, spoken: [found.label, found.description].filter(Boolean).join(", ") } : none;
}

/** The line that sends a request into a mesh whose one condition is the developer's own; undefined for others. */
export function curl({ namespace, route }: rpc.Session): string | undefined {
  const [match, ...more] = route?.matches ?? [];
  const port = route?.ports?.[0]?.port;
  if (!route || !port || more.length > 0 || !match?.name || !["mark", "header"].includes(match.of)) {
    return undefined;
  }
  if (/^[~^]/.test(match.value)) {
    return undefined; // a pattern is no value
  }
  const url = `http://${route.service}.${namespace}:${port}/`;
  return quoted(["curl", "-H", `${match.name}: ${match.value}`, url]);
}

function title(session: rpc.Session): string {
  return session.route?.service ?? session.namespace;
}

function routeLook(session: rpc.Session, route: rpc.Route, t: Translate): Look {
  const counts = [
    route.mirror ? t("{0} copied", route.matched) : t("{0} here", route.matched),
    route.matches?.length ? t("{0} passed", route.passed) : "",
    route.failedOpen ? t("{0} answered by the originals", route.failedOpen) : "",
    route.errors ? t("{0} failed", route.errors) : "",
    route.dropped ? t("{0} dropped", route.dropped) : "",
  ].filter(Boolean);
  const verb = route.mirror ? t("mirror") : route.matches?.length ? t("mesh") : t("exchange");
  const away = route.reason ? t("not connected: the originals answer") : "";
  return {
    label: label(route.service),
    description: [verb, away || counts.join(", ")].join(" · "),
    icon: away ? { codicon: "warning", color: "charts.yellow" } : { codicon: routeIcon(route), color: "charts.green" },
    tooltip: lines(
      `**${literal(route.service)}** · ${literal(session.namespace)} · ${literal(session.context ?? "")}`,
      away && literal(capital(route.reason ?? "")),
      ...(route.matches ?? []).map((match) => literal(condition(match))),
      !away && route.roundTrip !== undefined && t("Round trip {0} ms", route.roundTrip.toFixed(1)),
      ...(session.notices ?? []).map((notice) => literal(capital(notice))),
    ),
    context: ["route", curl(session) ? "curl" : ""].filter(Boolean).join(" "),
    fold: "closed",
  };
}

function routeIcon(route: rpc.Route): string {
  return route.mirror ? "copy" : route.matches?.length ? "filter" : "arrow-swap";
}

function condition({ of, name, value }: rpc.Match): string {
  return of === "mark" ? `${name ?? ""}: ${value}` : [of, name, value].filter(Boolean).join(" ");
}

function tunnelLook(session: rpc.Session, tunnel: rpc.Tunnel, t: Translate): Look {
  const away = tunnel.reason ? t("not connected") : "";
  const open = tunnel.open === 1 ? t("1 connection") : t("{0} connections", tunnel.open);
  const where = tunnel.port ? `${tunnel.method} localhost:${tunnel.port}` : tunnel.method;
  return {
    label: label(session.namespace),
    description: [t("tunnel"), label(where), away || open].join(" · "),
    icon: away ? { codicon: "warning", color: "charts.yellow" } : { codicon: "plug", color: "charts.green" },
    tooltip: lines(
      `**${literal(session.namespace)}** · ${literal(session.context ?? "")}`,
      away && literal(capital(tunnel.reason ?? "")),
      session.workload && t("As {0}", literal(session.workload)),
      !away && tunnel.roundTrip !== undefined && t("Round trip {0} ms", tunnel.roundTrip.toFixed(1)),
    ),
    context: "tunnel",
    fold: "none",
  };
}

function portLook(port: rpc.RoutePort | undefined): Look | undefined {
  return (
    port && {
      label: String(port.port),
      description: `→ ${label(port.local)}`,
      icon: { codicon: "plug" },
      context: "port",
      fold: "none",
    }
  );
}

function requestLook(request: rpc.RoutedRequest | undefined, at: Clockwork, t: Translate): Look | undefined {
  if (!request) {
    return undefined;
  }
  const bad = request.status === 0 || request.status >= 500;
  const answer = request.status === 0 ? t("no answer") : String(request.status);
  return {
    label: label(`${request.method} ${request.path}`),
    description: [
      answer,
      request.failedOpen ? t("by the originals: {0}", label(request.failedOpen)) : "",
      at(new Date(request.time)),
    ]
      .filter(Boolean)
      .join(" · "),
    icon: bad || request.failedOpen ? { codicon: "warning", color: "charts.yellow" } : { codicon: "arrow-small-right" },
    context: "request",
    fold: "none",
  };
}
