import type * as rpc from "../../src/rpc";

export function workload(more: Partial<rpc.Workload> = {}): rpc.Workload {
  return { workload: "deployment/web", kind: "deployment", name: "web", replicas: 1, ...more };
}

export function session(more: Partial<rpc.Session> = {}): rpc.Session {
  return {
    id: "03825a12",
    namespace: "shop",
    workload: "deployment/web",
    mode: "replace",
    phase: "active",
    holder: { user: "ada", local: "ada@laptop" },
    mine: true,
    live: true,
    since: "2026-11-29T09:14:00Z",
    heartbeat: "2026-11-29T09:14:00Z",
    twin: "web-nhctl-03825a12",
    container: "app",
    ...more,
  };
}

export function full(more: Partial<rpc.FullData> = {}): rpc.FullData {
  return { side: "remote", folder: "/src", files: 1, needed: 2_500_000, free: 40_000, ...more };
}

export function folder(more: Partial<rpc.SyncData> = {}): rpc.SyncData {
  return {
    state: "idle",
    files: 10,
    bytes: 1_000,
    filesToGo: 0,
    bytesToGo: 0,
    filesToCome: 0,
    bytesToCome: 0,
    rate: 0,
    ...more,
  };
}
