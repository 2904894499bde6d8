/** Translates a message, as vscode.l10n.t does: what does not import vscode gets it from its caller. */
export type Translate = (message: string, ...args: (string | number)[]) => string;

/** The message as it is, with its arguments in place. */
export const english: Translate = (message, ...args) =>
  message.replace(/\{(\d+)\}/g, (_, index: string) => String(args[Number(index)] ?? ""));

/** Anything that was thrown, in words. */
export function words(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

// Terminals obey these; an output channel shows them as rubbish. Colours, cursor moves, titles, then single characters.
const escapes = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-_]/g;
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text from elsewhere, without what would steer a terminal or turn the direction of writing. */
export function plain(text: string): string {
  return text.replace(escapes, "").replace(controls, "");
}

/** The same on one line, cut where it is too long for a label. */
export function label(text: string, limit = 120): string {
  const line = plain(text).replace(/\s+/g, " ").trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}

/** Text as Markdown shows it, letter by letter. */
export function literal(text: string): string {
  return plain(text).replace(/[\\`*_{}[\]()#+\-.!|<>~&$]/g, "\\$&");
}

/** The first letter as a capital: nhctl's own titles begin in lower case. A name such as bob@desk stays as it is. */
export function capital(text: string): string {
  return text.replace(/^\p{Ll}+(?=[\s,;:.?!…]|$)/u, (word) => word.charAt(0).toUpperCase() + word.slice(1));
}
