import type * as rpc from "../rpc";
import { label, type Translate } from "../text";

/** Phases of a pod that is on its way, or has done its work. */
const ordinary = ["Running", "Pending", "ContainerCreating", "PodInitializing", "Terminating"];
const ended = ["Succeeded", "Completed"];

/** The pods that should be ready and are not. */
export function unready(pods: readonly rpc.Pod[]): rpc.Pod[] {
  return pods.filter(({ ready, state }) => !ready && !ended.includes(state));
}

/** A pod's state for people, and whether it does not get out of it by itself. */
export function podState({ ready, state }: rpc.Pod, t: Translate): { word: string; trouble: boolean } {
  if (ready) {
    return { word: t("ready"), trouble: false };
  }
  const word = state === "Running" ? t("not ready") : label(state, 60);
  return { word, trouble: state !== "" && !ordinary.includes(state) && !ended.includes(state) };
}
