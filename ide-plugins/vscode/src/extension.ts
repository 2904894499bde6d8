import { createRequire } from "node:module";
import * as vscode from "vscode";
import { App } from "./app";
import type { Serve } from "./language/language";

/** What the extension shows to its tests. */
export type Api = Pick<App, "tree" | "connection" | "current">;

export function activate(context: vscode.ExtensionContext): Api {
  const load = (): Serve => {
    const file = vscode.Uri.joinPath(context.extensionUri, "dist", "language.js").fsPath;
    return (createRequire(file)(file) as { serve: Serve }).serve;
  };
  const app = new App(context, load);
  context.subscriptions.push(app);
  return app;
}
