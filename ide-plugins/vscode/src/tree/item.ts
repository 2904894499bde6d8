import * as vscode from "vscode";
import type { Look } from "./look";

/** The item by which VS Code shows a node. `images` is the folder of the extension's own icons. */
export function item(id: string, look: Look, images: vscode.Uri): vscode.TreeItem {
  const made = new vscode.TreeItem(look.label, folds[look.fold]);
  made.id = id;
  made.description = look.description;
  made.iconPath = icon(look, images);
  made.contextValue = look.context;
  made.accessibilityInformation = look.spoken ? { label: look.spoken } : undefined;
  if (look.tooltip) {
    made.tooltip = new vscode.MarkdownString(look.tooltip);
  }
  return made;
}

function icon(look: Look, images: vscode.Uri): vscode.TreeItem["iconPath"] {
  if (!look.icon) {
    return undefined;
  }
  if ("image" in look.icon) {
    const file = (theme: string): vscode.Uri => vscode.Uri.joinPath(images, `hammer-${theme}.svg`);
    return { light: file("light"), dark: file("dark") };
  }
  const colour = look.icon.color === undefined ? undefined : new vscode.ThemeColor(look.icon.color);
  return new vscode.ThemeIcon(look.icon.codicon, colour);
}

const folds = {
  none: vscode.TreeItemCollapsibleState.None,
  closed: vscode.TreeItemCollapsibleState.Collapsed,
  open: vscode.TreeItemCollapsibleState.Expanded,
};
