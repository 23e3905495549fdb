/** Pod ranges of nodes: each its own, none twice, and given again when a node has gone. */
import t from "tap";
import { events, nodes } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { eventually, startControlPlane } from "#test/fixtures/control-plane.js";

const rangeOf = (client: Client, name: string) => async () => (await client.get(nodes, name)).spec.podCIDR;
const register = (client: Client, name: string, spec = {}) => client.create(nodes, { metadata: { name }, spec });

t.test("ranges are kept apart, run out, and are given again", async (t) => {
  const plane = await startControlPlane(t, [], ["10.244.0.0/22"]);
  const { client } = plane;
  const given = (name: string, range: string) =>
    eventually(`range of ${name}`, rangeOf(client, name), (found) => found === range);
  await register(client, "by-hand", { podCIDR: "10.244.0.0/23", podCIDRs: ["10.244.0.0/23"] });
  await register(client, "a");
  await given("a", "10.244.2.0/24");
  await register(client, "b");
  await given("b", "10.244.3.0/24");

  await register(client, "c");
  await eventually(
    "an Event that says why",
    async () => (await client.list(events, { namespace: "default" })).items,
    (items) => items.some((event) => event.reason === "CIDRNotAvailable" && event.involvedObject.name === "c"),
  );
  t.equal(await rangeOf(client, "c")(), undefined);
  await client.delete(nodes, "a");
  await given("c", "10.244.2.0/24");

  await plane.stopControllers();
  await client.delete(nodes, "b");
  await register(client, "b");
  await register(client, "d");
  await plane.startControllers();
  await eventually(
    "the one range left is given once",
    async () => [await rangeOf(client, "b")(), await rangeOf(client, "d")()],
    (ranges) => ranges.filter((range) => range === "10.244.3.0/24").length === 1 && ranges.includes(undefined),
  );
});
