import type { Problem } from "../connection/problem";
import type * as rpc from "../rpc";
import type { Change } from "./items";
import { type Scope, scopeKey, type World } from "./world";

interface Disposable {
  dispose(): void;
}

/** What opens subscriptions: the connection to nhctl. */
export interface Source {
  subscribe(
    params: rpc.Methods["subscribe"]["params"],
    update: (update: rpc.Update) => void,
    failed: (problem: Problem) => void,
  ): Disposable;
}

interface Open {
  scope: Scope;
  subscription: Disposable;
  /** Who wants it: it is open as long as someone does. */
  by: Set<string>;
}

/** Keeps those subscriptions open that someone wants, and the world up to date. */
export class Subscriptions implements Disposable {
  private readonly open = new Map<string, Open>();

  constructor(
    private readonly source: Source,
    private readonly world: World,
    private readonly caller: () => Partial<rpc.Caller>,
    private readonly changed: (scope: Scope, change: Change) => void,
  ) {}

  /** What one party wants from now on, instead of what it wanted before. */
  want(by: string, scopes: readonly Scope[]): void {
    const wanted = new Map(scopes.map((scope) => [scopeKey(scope), scope]));
    for (const [key, one] of this.open) {
      if (!wanted.has(key) && one.by.delete(by) && one.by.size === 0) {
        this.close(key, one);
      }
    }
    for (const [key, scope] of wanted) {
      const one = this.open.get(key);
      if (one) {
        one.by.add(by);
      } else {
        this.begin(key, scope, by);
      }
    }
  }

  /** Subscribes again: for a person who says "try again". */
  again(matches: (scope: Scope) => boolean = () => true): void {
    for (const [key, { scope, by, subscription }] of [...this.open]) {
      if (matches(scope)) {
        subscription.dispose();
        this.open.delete(key);
        by.forEach((one) => (this.open.has(key) ? this.open.get(key)?.by.add(one) : this.begin(key, scope, one)));
      }
    }
  }

  /** The scopes that are open. */
  scopes(): Scope[] {
    return [...this.open.values()].map((one) => one.scope);
  }

  dispose(): void {
    for (const [key, one] of [...this.open]) {
      this.close(key, one);
    }
  }

  private begin(key: string, scope: Scope, by: string): void {
    const { topic, context, namespace, allClusters, session } = scope;
    const caller = { ...this.caller(), ...(context && { context }), ...(namespace && { namespace }) };
    const current = (): boolean => this.open.get(key) === one;
    const one: Open = { scope, by: new Set([by]), subscription: { dispose: () => {} } };
    this.open.set(key, one);
    one.subscription = this.source.subscribe(
      { topic, caller, ...(allClusters && { allClusters }), ...(session && { session }) },
      (update) => current() && this.changed(scope, this.world.fold(scope, update)),
      (problem) => current() && this.changed(scope, this.world.items(scope).fail(problem.data)),
    );
  }

  private close(key: string, one: Open): void {
    one.subscription.dispose();
    this.open.delete(key);
    this.world.forget(one.scope);
  }
}
