import * as vscode from "vscode";
import type * as rpc from "../rpc";
import { label } from "../text";
import { local, type Wanted } from "./wanted";

/** The ports that a route is about, and where each leads to; undefined if the user leaves. */
export async function askPorts(service: rpc.Service): Promise<Wanted[] | undefined> {
  const ports = service.ports ?? [];
  let port = ports[0];
  if (ports.length > 1) {
    const all = { label: vscode.l10n.t("All ports"), description: vscode.l10n.t("to the pods' port numbers") };
    const one = (port: (typeof ports)[number]): vscode.QuickPickItem & { port: typeof port } => ({
      label: String(port.port),
      description: label(port.name ?? ""),
      port,
    });
    const title = vscode.l10n.t("Port of {0}", label(service.name, 60));
    const picked = await vscode.window.showQuickPick([...ports.map(one), all], { title });
    if (!picked) {
      return undefined;
    }
    port = "port" in picked ? picked.port : undefined;
  }
  if (!port) {
    return [];
  }
  const text = await vscode.window.showInputBox({
    title: vscode.l10n.t("Where your process listens"),
    prompt: vscode.l10n.t("A port of this computer, HOST:PORT, or unix:PATH"),
    value: /^\d+$/.test(port.target ?? "") ? port.target : String(port.port),
    validateInput: (value) => (local(value) ? "" : vscode.l10n.t("Such as 8080, localhost:8080 or unix:/tmp/web.sock")),
    ignoreFocusOut: true,
  });
  return text === undefined ? undefined : [{ port: String(port.port), local: text.trim() }];
}
