/** Pods spread over zones and nodes. */
import t from "tap";
import type { Pod, TopologySpreadConstraint } from "#api/generated/types.js";
import { NodeInfo } from "#controlplane/scheduler/node-info.js";
import { podInfo } from "#controlplane/scheduler/pod-info.js";
import { makeNode, makePod } from "#test/fixtures/objects.js";
import { places } from "#test/fixtures/scheduling.js";

interface Place {
  zone?: string;
  /** So many Pods called web. */
  web?: number;
  pods?: Pod[];
  tainted?: boolean;
  labels?: Record<string, string>;
}

function cluster(places: Record<string, Place>): NodeInfo[] {
  return Object.entries(places).map(([name, { zone, web = 0, pods = [], tainted, labels }]) => {
    const spec = { taints: tainted ? [{ key: "gone", effect: "NoSchedule" }] : [] };
    const node = new NodeInfo(makeNode(name, { labels: { ...(zone && { zone }), host: name, ...labels }, spec }));
    const made = Array.from({ length: web }, (_, i) => makePod(`${name}-${i}`, { labels: { app: "web" } }));
    for (const pod of [...made, ...pods]) node.add(podInfo(pod));
    return node;
  });
}

const spread = (more: Partial<TopologySpreadConstraint> = {}): TopologySpreadConstraint => ({
  maxSkew: 1,
  topologyKey: "zone",
  whenUnsatisfiable: "DoNotSchedule",
  labelSelector: { matchLabels: { app: "web" } },
  ...more,
});

const web = (constraints: TopologySpreadConstraint[], spec: Partial<Pod["spec"]> = {}) =>
  makePod("web", { labels: { app: "web" }, spec: { topologySpreadConstraints: constraints, ...spec } });

t.test("no domain gets further ahead of the emptiest than maxSkew", async (t) => {
  const nodes = cluster({ n1: { zone: "east", web: 1 }, n2: { zone: "east", web: 1 }, n3: { zone: "west", web: 1 } });
  t.same(places(web([spread()]), nodes), ["n3"]);
  const full = cluster({ n1: { zone: "east", web: 2 }, n3: { zone: "west", web: 2, tainted: true } });
  t.same(places(web([spread()]), full), ["n1"], "even: the next may go anywhere");
  const ahead = cluster({ n1: { zone: "east", web: 3 }, n3: { zone: "west", web: 2, tainted: true } });
  t.same(places(web([spread()]), ahead), [
    "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) had untolerated taint {gone: }",
  ]);
  t.same(places(web([spread({ maxSkew: 2 })]), ahead), ["n1"]);
  t.same(places(web([spread({ nodeTaintsPolicy: "Honor" })]), ahead), ["n1"], "what cannot be used is no domain");
});

t.test("a node that bears not all labels is in no domain", async (t) => {
  const nodes = cluster({ n1: {}, n2: { zone: "east", web: 1 } });
  t.same(places(web([spread()]), nodes), ["n2"]);
  t.same(places(web([spread({ topologyKey: "rack" })]), nodes), [
    "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints (missing required label)",
  ]);
});

t.test("only nodes that the Pod could choose count, unless it says otherwise", async (t) => {
  const nodes = cluster({
    n1: { zone: "east", web: 1, labels: { disk: "ssd" } },
    n2: { zone: "west", web: 0 },
  });
  const picky = (more: object) => web([spread(more)], { nodeSelector: { disk: "ssd" } });
  t.same(places(picky({}), nodes), ["n1"]);
  t.match(places(picky({ nodeAffinityPolicy: "Ignore" }), nodes), [/1 .* topology spread constraints$/]);
});

t.test("too few domains: as if there were an empty one", async (t) => {
  const nodes = cluster({ n1: { zone: "east", web: 1 }, n2: { zone: "west", web: 1 } });
  t.same(places(web([spread({ minDomains: 2 })]), nodes), ["n1", "n2"]);
  t.match(places(web([spread({ minDomains: 3 })]), nodes), [/2 node\(s\) didn't match pod topology spread/]);
});

t.test("who counts: Pods of the namespace that are selected and stay", async (t) => {
  const labels = { app: "web" };
  const stranger = makePod("stranger", { labels });
  const nodes = cluster({
    n1: {
      zone: "east",
      pods: [
        makePod("ending", { labels, deleting: true }),
        makePod("another", { labels: { app: "cache" } }),
        { ...stranger, metadata: { ...stranger.metadata, namespace: "elsewhere" } },
      ],
    },
    n2: { zone: "west", web: 1 },
  });
  t.same(places(web([spread()]), nodes), ["n1"]);
});

t.test("several constraints hold together", async (t) => {
  const nodes = cluster({ n1: { zone: "east", web: 1 }, n2: { zone: "east" }, n3: { zone: "west", web: 1 } });
  t.same(places(web([spread(), spread({ topologyKey: "host" })]), nodes), ["n2"]);
});

t.test("what should be even, is, where nothing else decides", async (t) => {
  const anyway = { whenUnsatisfiable: "ScheduleAnyway" };
  const nodes = cluster({ n1: { zone: "east", web: 3 }, n2: { zone: "west", web: 1 }, n3: { web: 0 } });
  t.same(places(web([spread(anyway)]), nodes), ["n2"], "and a node in no zone comes last");
  t.same(places(web([spread({ ...anyway, topologyKey: "host" })]), nodes), ["n3"]);
  t.same(places(web([spread({ ...anyway, maxSkew: 5 })]), cluster({ n1: { zone: "east" } })), ["n1"]);
  t.same(
    places(web([spread(anyway)]), cluster({ n1: { zone: "east" }, n2: { zone: "west" } })),
    ["n1", "n2"],
    "nobody is there yet",
  );
});
