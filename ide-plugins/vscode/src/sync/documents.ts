import { basename } from "node:path";
import * as vscode from "vscode";
import { label } from "../text";
import { type Kept, keptOf, scheme } from "./kept";
import { fileOfDocument } from "./content";

/** A tab that shows a kept version, alone or next to its file. */
export interface Shown {
  tab: vscode.Tab;
  kept: Kept;
  file: string;
  alone: boolean;
}

/** The tabs that show kept versions. */
export function shown(): Shown[] {
  return vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.flatMap((tab) => shownIn(tab) ?? []));
}

/** What the active tab shows, if that is a kept version. */
export function active(): Shown | undefined {
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
  return tab && shownIn(tab);
}

function shownIn(tab: vscode.Tab): Shown | undefined {
  const { input } = tab;
  const alone = input instanceof vscode.TabInputText;
  const uri = alone ? input.uri : input instanceof vscode.TabInputTextDiff ? input.original : undefined;
  const kept = uri?.scheme === scheme ? keptOf(uri.query) : undefined;
  return uri && kept && { tab, kept, file: fileOfDocument(uri), alone };
}

/** The file that a command is about: the one that it was given, or that of the active editor. */
export function fileOf(argument: unknown): string | undefined {
  const uri = argument instanceof vscode.Uri ? argument : vscode.window.activeTextEditor?.document.uri;
  if (uri?.scheme === scheme) {
    return fileOfDocument(uri);
  }
  return uri?.scheme === "file" ? uri.fsPath : undefined;
}

/** Shows a kept version on the left and its file on the right; alone, where there is no such file. */
export async function compare(version: vscode.Uri, title: string): Promise<void> {
  const file = vscode.Uri.file(fileOfDocument(version));
  const there = await vscode.workspace.fs.stat(file).then(
    () => true,
    () => false,
  );
  await (there
    ? vscode.commands.executeCommand("vscode.diff", version, file, title)
    : vscode.commands.executeCommand("vscode.open", version, undefined, title));
}

/** Saves what was written in a file's editor, so that it is a content that sync knows. False if that fails. */
export async function saved(file: string): Promise<boolean> {
  const dirty = vscode.workspace.textDocuments.find(
    ({ uri, isDirty }) => isDirty && uri.scheme === "file" && uri.fsPath === file,
  );
  return dirty === undefined || dirty.save();
}

/** How a file is called in titles and messages. */
export function nameOf(file: string): string {
  return label(basename(file), 60);
}

/** Says something that needs no answer. */
export function say(text: string): void {
  vscode.window.setStatusBarMessage(text, 5_000);
}
