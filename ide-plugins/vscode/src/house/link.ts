/** What a link asks to start. It is someone else's text. */
export interface Link {
  workload: string;
  context?: string;
  namespace?: string;
}

const name = "[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?";
const patterns: Readonly<Record<keyof Link, RegExp>> = {
  workload: new RegExp(`^(${name}/)?${name}$`),
  // A kubeconfig may name its contexts as it likes, as arn:aws:eks:... and "dev (old)".
  context: /^[^\p{C}\p{Zl}\p{Zp}]{1,253}$/u,
  namespace: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
};

/**
 * Reads a link such as vscode://nhctl.nhctl/start?context=dev&namespace=shop&workload=deployment/web. Undefined means
 * that it is none. Whatever else it says, such as an image, a folder or a command, is left out.
 */
export function linkOf({ path, query }: { path: string; query: string }): Link | undefined {
  if (path !== "/start") {
    return undefined;
  }
  // VS Code has decoded it: a "+" or "%" that is there now is meant.
  const given = query.split("&").map((part) => part.split(/=(.*)/s) as [string, string?]);
  const link: Partial<Link> = {};
  for (const [field, pattern] of Object.entries(patterns) as [keyof Link, RegExp][]) {
    const [text, ...more] = given.flatMap(([key, value = ""]) => (key === field ? [value] : []));
    if (text === undefined) {
      continue;
    }
    if (more.length > 0 || !pattern.test(text)) {
      return undefined;
    }
    link[field] = text;
  }
  return link.workload === undefined ? undefined : { ...link, workload: link.workload };
}
