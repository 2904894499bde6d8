import type * as rpc from "../rpc";
import { label, plain } from "../text";

/** A line of a pod's, or an event about it, with its time and origin. */
export function podLine({ time, stream, text, pod, container }: rpc.LogData): string {
  const at = new Date(time);
  const clock = at.getTime() > 0 ? at.toTimeString().slice(0, 8) : "        ";
  const origin = pod ? [label(pod, 80), label(container ?? "", 40)].filter(Boolean).join("/") : stream;
  return `${clock} ${origin} | ${plain(text)}`;
}
