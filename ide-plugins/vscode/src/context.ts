import * as vscode from "vscode";

/** Sets what when-clauses see. */
export function setContext(name: string, value: unknown): void {
  void vscode.commands.executeCommand("setContext", name, value);
}
