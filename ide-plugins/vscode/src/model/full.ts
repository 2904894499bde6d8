import type * as rpc from "../rpc";
import { label, type Translate } from "../text";

/** Says of a full disk what is missing, and what to do. */
export function fullText(full: rpc.FullData, t: Translate): string {
  const folder = label(full.folder);
  const needed = megabytes(full.needed);
  const missing =
    full.free >= 0 && !full.quota
      ? t("{0} needs {1} more, and has {2} left.", folder, needed, megabytes(full.free))
      : t("{0} needs {1} more.", folder, needed);
  const [what, next] =
    full.side === "local"
      ? [
          full.quota ? t("Your quota on this computer is used up.") : t("The disk of this computer is full."),
          t("Make room there: sync then goes on by itself within a minute."),
        ]
      : [
          full.quota ? t("The quota in the pod is used up.") : t("The disk in the pod is full."),
          t("Remove files there, or give the pod a larger volume: sync then goes on by itself within a minute."),
        ];
  return `${what} ${missing} ${next}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * Which full disks the user has not been told of: each once, until its folder has all that it lacked. That nothing is
 * said of a disk means little: the pod could not be asked, or sync tries again.
 */
export class Told {
  private readonly told = new Set<string>();

  fresh(session: rpc.Session): rpc.FullData[] {
    const key = (side: string, folder: rpc.SyncData): string => `${session.id} ${side} ${folder.folder ?? ""}`;
    const folders = session.live ? (session.sync ?? []) : [];
    for (const folder of folders.filter(({ full, state }) => !full?.length && state === "idle")) {
      if (folder.filesToCome === 0) {
        this.told.delete(key("local", folder));
      }
      if (folder.filesToGo === 0) {
        this.told.delete(key("remote", folder));
      }
    }
    return folders.flatMap((folder) =>
      (folder.full ?? []).filter(({ side }) => {
        const one = key(side, folder);
        return !this.told.has(one) && this.told.add(one);
      }),
    );
  }
}
