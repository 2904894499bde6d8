import type * as rpc from "../rpc";
import { label, type Translate } from "../text";
import { podState, unready } from "./pods";

/** How a workload stands to the user. */
export type Standing = "free" | "mine" | "other" | "abandoned";

/** A workload's state for people: a word, and how it looks. */
export interface WorkloadState {
  standing: Standing;
  /** The session that counts: the user's own before those of others. */
  session?: rpc.WorkloadSession;
  word: string;
  tone: "plain" | "active" | "busy" | "warning" | "muted";
}

/** A time of day, with the date if it is not today's. */
export type Clockwork = (time: Date) => string;

export function clockwork(locale: string, now: () => Date = () => new Date()): Clockwork {
  const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  return (at) => (at.toDateString() === now().toDateString() ? time : date).format(at);
}

/** The state of a workload. `details` has what the sessions' own topic tells of one. */
export function workloadState(
  workload: rpc.Workload,
  details: (id: string) => rpc.Session | undefined,
  at: Clockwork,
  t: Translate,
): WorkloadState {
  const sessions = workload.sessions ?? [];
  const session = sessions.find((one) => one.mine) ?? sessions[0];
  if (!session) {
    return { standing: "free", ...free(workload, t) };
  }
  const detail = details(session.id);
  const who = holderOf({ session });
  if (detail?.abandoned) {
    return { standing: "abandoned", session, word: t("abandoned by {0}", who), tone: "warning" };
  }
  if (!session.mine) {
    return { standing: "other", session, word: t("{0} since {1}", who, at(new Date(session.since))), tone: "muted" };
  }
  return { standing: "mine", session, ...own(session, detail, t) };
}

/** Who has a workload, as colleagues know them. */
export function holderOf({ session }: Pick<WorkloadState, "session">): string {
  return label(session?.holder.local || session?.holder.user || "", 60);
}

/** A workload that no one has: how large it is, or what is wrong with its pods. */
function free(workload: rpc.Workload, t: Translate): Pick<WorkloadState, "word" | "tone"> {
  const waiting = runsOn(workload.kind) ? unready(workload.pods ?? []) : [];
  const trouble = waiting.map((pod) => podState(pod, t)).find((state) => state.trouble);
  if (trouble) {
    return { word: trouble.word, tone: "warning" };
  }
  const words = [size(workload, t), waiting.length > 0 ? t("{0} not ready", waiting.length) : ""];
  return { word: words.filter(Boolean).join(", "), tone: idle(workload) ? "muted" : "plain" };
}

/** Whether the pods of a kind run until someone ends them: a Job's may have failed long ago. */
function runsOn(kind: string): boolean {
  return !["job", "cronjob"].includes(kind);
}

function own(
  session: rpc.WorkloadSession,
  detail: rpc.Session | undefined,
  t: Translate,
): Pick<WorkloadState, "word" | "tone"> {
  if (session.phase === "entering") {
    return { word: t("starting"), tone: "busy" };
  }
  if (session.phase === "leaving") {
    return { word: t("ending"), tone: "busy" };
  }
  if (session.drift) {
    return { word: drift(session.drift, t), tone: "warning" };
  }
  if (detail && !detail.live) {
    return { word: t("in dev mode, not connected"), tone: "warning" };
  }
  const sync = syncState(detail?.sync ?? [], detail?.link, t);
  if (sync && sync.tone !== "active") {
    return { word: sync.word, tone: sync.tone };
  }
  return { word: session.mode === "duplicate" ? t("in dev mode, a copy") : t("in dev mode"), tone: "active" };
}

function drift(drift: rpc.Drift, t: Translate): string {
  const words: Record<string, string> = {
    template: t("its template has changed"),
    freed: t("its own pods are back"),
    deleted: t("it was deleted"),
    replaced: t("another one has its name"),
  };
  return words[drift] ?? label(drift);
}

function idle(workload: rpc.Workload): boolean {
  return workload.suspended === true || (workload.replicas === 0 && scales(workload.kind));
}

function scales(kind: string): boolean {
  return !["job", "cronjob", "pod", "daemonset"].includes(kind);
}

/** How large a workload is, where that says something. */
function size(workload: rpc.Workload, t: Translate): string {
  if (workload.suspended) {
    return t("suspended");
  }
  if (!scales(workload.kind)) {
    return "";
  }
  return workload.replicas === 1 ? t("1 replica") : t("{0} replicas", workload.replicas);
}

/** The state of a session's sync, for tree and status bar. */
export interface SyncState {
  word: string;
  tone: "active" | "busy" | "warning" | "muted";
  /** The codicon that goes with the word. */
  icon: string;
  /** Milliseconds of the last save. */
  save?: number;
}

/** The state of all synced folders of a session: the one that needs the user most. Undefined without a folder. */
export function syncState(
  folders: readonly rpc.SyncData[],
  link: rpc.LinkData | undefined,
  t: Translate,
): SyncState | undefined {
  if (link && link.state !== "up") {
    return link.state === "stopped"
      ? { word: t("not connected"), tone: "warning", icon: "debug-disconnect" }
      : { word: t("connecting"), tone: "busy", icon: "sync~spin" };
  }
  if (folders.length === 0) {
    return undefined;
  }
  const sum = (of: (folder: rpc.SyncData) => number): number => folders.reduce((total, one) => total + of(one), 0);
  const some = (state: string): boolean => folders.some((folder) => folder.state === state);
  const errors = sum((folder) => Object.keys(folder.errors ?? {}).length);
  const conflicts = sum((folder) => folder.conflicts ?? 0);
  const toGo = sum((folder) => folder.filesToGo + folder.filesToCome);
  if (folders.some((folder) => folder.held) || some("held")) {
    return { word: t("deletions wait"), tone: "warning", icon: "trash" };
  }
  const full = folders.flatMap((folder) => folder.full ?? []);
  if (full.length > 0) {
    const here = full.some(({ side }) => side === "local");
    return { word: here ? t("this disk is full") : t("the pod's disk is full"), tone: "warning", icon: "error" };
  }
  if (conflicts > 0) {
    return {
      word: conflicts === 1 ? t("1 conflict") : t("{0} conflicts", conflicts),
      tone: "warning",
      icon: "git-merge",
    };
  }
  if (some("error") || errors > 0) {
    const word = errors === 1 ? t("1 file fails") : errors > 1 ? t("{0} files fail", errors) : t("sync fails");
    return { word, tone: "warning", icon: "error" };
  }
  if (some("paused")) {
    return { word: t("paused"), tone: "muted", icon: "debug-pause" };
  }
  if (some("disconnected")) {
    return { word: t("not connected"), tone: "warning", icon: "debug-disconnect" };
  }
  if (toGo > 0) {
    return { word: toGo === 1 ? t("1 file to go") : t("{0} files to go", toGo), tone: "busy", icon: "sync~spin" };
  }
  const saves = folders.flatMap((folder) => (folder.lastSave ? [folder.lastSave] : []));
  const last = saves.sort((a, b) => Date.parse(b.time) - Date.parse(a.time))[0];
  return { word: t("in sync"), tone: "active", icon: "check", save: last && Math.round(last.seconds * 1_000) };
}
