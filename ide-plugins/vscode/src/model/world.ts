import { type Change, Items, type Topic } from "./items";
import type * as rpc from "../rpc";

/** A place in a cluster: a context of the kubeconfig, and a namespace. */
export interface Place {
  context: string;
  namespace: string;
}

/** What a subscription is about, apart from the caller's folder and environment. */
export interface Scope {
  topic: Topic;
  context?: string;
  namespace?: string;
  allClusters?: boolean;
  session?: string;
}

/** A text that is the same for equal scopes. */
export function scopeKey(scope: Scope): string {
  return JSON.stringify([scope.topic, scope.context, scope.namespace, scope.allClusters, scope.session]);
}

/** Everything that nhctl has told, by scope. */
export class World {
  private readonly scopes = new Map<string, Items<Topic>>();

  items<T extends Topic>(scope: Scope & { topic: T }): Items<T> {
    const key = scopeKey(scope);
    let items = this.scopes.get(key);
    if (!items) {
      items = new Items<Topic>(scope.topic);
      this.scopes.set(key, items);
    }
    return items as unknown as Items<T>;
  }

  fold(scope: Scope, update: rpc.Update): Change {
    return this.items(scope).fold(update);
  }

  /** Forgets what no one looks at any more. */
  forget(scope: Scope): void {
    this.scopes.delete(scopeKey(scope));
  }

  clusters(): Items<"clusters"> {
    return this.items({ topic: "clusters" });
  }

  namespaces(context: string): Items<"namespaces"> {
    return this.items({ topic: "namespaces", context });
  }

  workloads({ context, namespace }: Place): Items<"workloads"> {
    return this.items({ topic: "workloads", context, namespace });
  }

  sessions({ context, namespace }: Place): Items<"sessions"> {
    return this.items({ topic: "sessions", context, namespace });
  }

  /** The sessions of this computer, wherever they are. */
  own(): Items<"sessions"> {
    return this.items({ topic: "sessions", allClusters: true });
  }

  /** The routes and tunnels of this computer, and its sessions of dev mode, each as its far end says it is. */
  overview(): Items<"overview"> {
    return this.items({ topic: "overview" });
  }

  forwards(): Items<"forwards"> {
    return this.items({ topic: "forwards" });
  }

  /** A session of a place, with all that is known of it. */
  session(place: Place, id: string): rpc.Session | undefined {
    return this.sessions(place).map.get(id) ?? this.own().map.get(id);
  }
}
