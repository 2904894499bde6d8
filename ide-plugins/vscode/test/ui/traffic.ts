import { type Around, openNamespace } from "./around";

const service = "catalog";

/** One's own requests come to a process of this computer, and are seen as they come. */
export async function traffic(around: Around): Promise<void> {
  const { screen, hands, backstage, step } = around;
  const port = await backstage.ask("port");
  await step("a Service's requests are asked for", async () => {
    await openNamespace(around);
    await hands.unfold(service);
    await hands.choose(service, "Mesh", "Service");
    await hands.answer("Where your process listens", port);
    await screen.notified(/Mesh of catalog: Requests with your own header come here/);
    await screen.rowSays(service, "mesh · 0 here");
  });
  await step("one's own request comes here, and no other", async () => {
    await backstage.ask("others");
    await backstage.ask("own");
    await screen.rowSays(service, "mesh · 1 here, 1 passed");
    await hands.unfold(service, "mesh");
    await screen.rowSays("GET /books", "200");
    await screen.picture("traffic");
  });
  await step("a process that is gone is no outage", async () => {
    await backstage.ask("stop");
    await backstage.ask("answeredByOriginals");
    await screen.rowSays(service, "1 answered by the originals");
  });
  await step("it is left, and the view is empty but for the tunnel", async () => {
    await hands.leaveRoute(service);
    await screen.row(service, "mesh").waitFor({ state: "hidden" });
  });
}
