import { createRequire } from "node:module";
import * as vscode from "vscode";
import { App } from "./app";
import type { Serve } from "./language/language";

/** What the extension shows to its tests. */
export interface Api extends Pick<App, "tree" | "traffic" | "connection" | "current" | "links"> {
  /** How many milliseconds its activation took. */
  activation: number;
}

export function activate(context: vscode.ExtensionContext): Api {
  const began = performance.now();
  const load = (): Serve => {
    const file = vscode.Uri.joinPath(context.extensionUri, "dist", "language.js").fsPath;
    return (createRequire(file)(file) as { serve: Serve }).serve;
  };
  const app = new App(context, load);
  context.subscriptions.push(app);
  const { tree, traffic, connection, current, links } = app;
  return { tree, traffic, connection, current, links, activation: performance.now() - began };
}
