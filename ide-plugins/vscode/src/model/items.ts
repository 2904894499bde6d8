import type * as rpc from "../rpc";

/** The topics, and what their items are. */
export interface Topics {
  clusters: rpc.Cluster;
  namespaces: rpc.Namespace;
  workloads: rpc.Workload;
  sessions: rpc.Session;
  forwards: rpc.Forwarded;
  status: rpc.Session;
  overview: rpc.Session;
  sync: rpc.Synced;
}

export type Topic = keyof Topics;

/** What an update changed. */
export interface Change {
  /** The keys of items that changed and were there before. */
  changed: string[];
  /** Whether items came or went, or the problem did, so that lists of them are others now. */
  list: boolean;
}

/** The items of one topic, as a client has them. */
export class Items<T extends Topic> {
  readonly map = new Map<string, Topics[T]>();
  /** Whether a snapshot has come. */
  loaded = false;
  /** Why the items may not be as they are at this moment. */
  problem: rpc.Error | undefined;

  constructor(readonly topic: T) {}

  /** Brings the items up to date, as rpc.Fold does. */
  fold(update: rpc.Update): Change {
    const news = Object.entries(update[this.topic] ?? {}) as [string, Topics[T]][];
    const change: Change = { changed: [], list: !this.loaded || this.problem?.message !== update.problem?.message };
    this.problem = update.problem;
    this.loaded = true;
    const before = update.snapshot ? new Set(this.map.keys()) : undefined;
    for (const [key, item] of news) {
      if (this.map.has(key)) {
        change.changed.push(key);
      } else {
        change.list = true;
      }
      this.map.set(key, item);
      before?.delete(key);
    }
    for (const key of [...(before ?? []), ...(update.gone ?? [])]) {
      change.list = this.map.delete(key) || change.list;
    }
    return change;
  }

  /** Notes why the subscription has failed. */
  fail(problem: rpc.Error): Change {
    this.problem = problem;
    this.loaded = true;
    return { changed: [], list: true };
  }
}
