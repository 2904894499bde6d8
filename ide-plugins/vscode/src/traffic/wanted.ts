/** A port of a Service, and where it leads to on this computer, as in rpc.WantedPort. */
export interface Wanted {
  port: string;
  local?: string;
}

/** Whether a text says where a process listens: a port, HOST:PORT, or unix:PATH. nhctl has the last word. */
export function local(text: string): boolean {
  const given = text.trim();
  if (given.startsWith("unix:")) {
    return given.length > "unix:".length;
  }
  const [, host, number = ""] = /^(?:([^\s:]+|\[[^\s\]]+\]):)?(\d{1,5})$/.exec(given) ?? [];
  return host !== "" && Number(number) >= 1 && Number(number) <= 65_535;
}

/** The ports of a preview, "80:8080" or several of them with spaces between; undefined if they can't be meant. */
export function previewPorts(text: string): Wanted[] | undefined {
  const all = text.trim().split(/\s+/);
  const ports = all.map((one): Wanted => {
    const [, port = "", to] = /^(\d+)(?::(.+))?$/.exec(one) ?? [];
    return { port, ...(to && { local: to }) };
  });
  const fits = (one: Wanted): boolean => local(one.port) && (one.local === undefined || local(one.local));
  return ports.every(fits) ? ports : undefined;
}
