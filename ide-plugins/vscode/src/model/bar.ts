import type * as rpc from "../rpc";
import { label, type Translate } from "../text";
import { type SyncState, syncState } from "./state";
import { shortName } from "./target";

/** What the status bar says of a session. */
export interface BarText {
  text: string;
  spoken: string;
  warning: boolean;
}

/** The words for the status bar: the state of sync, files to go, milliseconds of the last save. */
export function barText(session: rpc.Session, t: Translate): BarText {
  const name = label(shortName(session.workload), 40);
  const state = stateOf(session, t);
  const save = state.save === undefined ? "" : t("{0} ms", state.save);
  const word = state.tone === "active" && save ? save : state.word;
  return {
    text: `$(${state.icon}) ${name} · ${word}`,
    spoken: t("Dev mode of {0}: {1}", name, save ? `${state.word}, ${save}` : state.word),
    warning: state.tone === "warning",
  };
}

function stateOf(session: rpc.Session, t: Translate): SyncState {
  if (session.phase === "entering") {
    return { word: t("starting"), tone: "busy", icon: "sync~spin" };
  }
  if (session.phase === "leaving") {
    return { word: t("ending"), tone: "busy", icon: "sync~spin" };
  }
  if (session.abandoned) {
    return { word: t("abandoned"), tone: "warning", icon: "warning" };
  }
  if (!session.live) {
    return { word: t("not connected"), tone: "warning", icon: "debug-disconnect" };
  }
  return syncState(session.sync ?? [], session.link, t) ?? { word: t("in dev mode"), tone: "active", icon: "tools" };
}
