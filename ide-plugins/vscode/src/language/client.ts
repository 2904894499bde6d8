import * as vscode from "vscode";
import { type Executable, LanguageClient, RevealOutputChannelOn } from "vscode-languageclient/node";

/** The config's files, which `nhctl lsp` serves. */
const documents = ["**/.dev/*.{yaml,yml}", "**/.nocalhost/*.{yaml,yml}"];

/** The commands that the server may show: it names a workload and the folder of its config. */
const commands = ["nhctl.start", "nhctl.debug"];

/** Starts the language server. It is a file of its own, so that only those who open a config load it. */
export async function serve(nhctl: string, output: vscode.OutputChannel): Promise<vscode.Disposable> {
  const server: Executable = { command: nhctl, args: ["lsp"] };
  const client = new LanguageClient("nhctl", vscode.l10n.t("nhctl config"), server, {
    documentSelector: documents.map((pattern) => ({ scheme: "file", pattern })),
    initializationOptions: { commands },
    outputChannel: output,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
  });
  await client.start();
  return { dispose: () => void client.dispose() };
}
