import type * as rpc from "../rpc";

/** How dev mode starts where the user does not say it, as the settings have it. Times are minutes, 0 for nhctl's. */
export interface Defaults {
  mode: string;
  inject: string;
  image: string;
  sidecarImage: string;
  profile: string;
  abandonAfter: number;
  timeout: number;
}

/** nhctl counts times in nanoseconds. */
const minute = 60_000_000_000;

/** The parameters of a start, with those of the settings that are not nhctl's own. */
export function defaults(given: Defaults): Partial<rpc.Start> {
  const { mode, inject, image, sidecarImage, profile, abandonAfter, timeout } = given;
  return {
    ...((mode === "replace" || mode === "duplicate") && { mode }),
    ...(inject === "exec" && { byExec: true }),
    ...(inject === "image" && { byImage: true }),
    ...(image && { image }),
    ...(sidecarImage && { sidecarImage }),
    ...(profile && { profile }),
    ...(abandonAfter > 0 && { abandonAfter: Math.round(abandonAfter * minute) }),
    ...(timeout > 0 && { timeout: Math.round(timeout * minute) }),
  };
}
