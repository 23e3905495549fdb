import t from "tap";
import type { Endpoint, EndpointSlice, Endpoints } from "#api/generated/types.js";
import { withHints } from "#controlplane/controllers/endpointslice/hints.js";
import { planMirror } from "#controlplane/controllers/endpointslice-mirroring/plan.js";
import { makeService, meta } from "#test/fixtures/objects.js";

function made(subsets: Endpoints["subsets"], more: object = {}): Endpoints {
  return { metadata: { ...meta("db"), ...more }, subsets } as Endpoints;
}
const stored = (plan: ReturnType<typeof planMirror>): EndpointSlice[] =>
  plan.create.map((draft, i) => ({ ...draft, metadata: { ...meta(`db-${i}`), ...draft.metadata } }));

t.test("subsets become slices: one for each family and list of ports", async (t) => {
  const ports = [{ name: "sql", port: 5432 }];
  const object = made(
    [
      {
        addresses: [{ ip: "10.1.2.3", nodeName: "n1", hostname: "one" }],
        notReadyAddresses: [{ ip: "10.1.2.4" }],
        ports,
      },
      { addresses: [{ ip: "fd00::1" }, { ip: "10.1.2.3" }], ports },
    ],
    { labels: { app: "db" }, annotations: { note: "x", "kubectl.kubernetes.io/last-applied-configuration": "{}" } },
  );
  const plan = planMirror(object, []);
  t.match(plan.create, [
    {
      metadata: {
        generateName: "db-",
        labels: {
          app: "db",
          "kubernetes.io/service-name": "db",
          "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        },
        annotations: { note: "x" },
        ownerReferences: [{ kind: "Endpoints", name: "db", controller: true }],
      },
      addressType: "IPv4",
      ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
      endpoints: [
        { addresses: ["10.1.2.3"], conditions: { ready: true }, nodeName: "n1", hostname: "one" },
        { addresses: ["10.1.2.4"], conditions: { ready: false } },
      ],
    },
    { addressType: "IPv6", endpoints: [{ addresses: ["fd00::1"] }] },
  ]);
  t.notOk(plan.create[0]?.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"]);
  t.same(planMirror(object, stored(plan)), { create: [], update: [], delete: [] }, "nothing new, nothing to do");
});

t.test("a change rewrites its slice, an end removes it", async (t) => {
  const before = stored(planMirror(made([{ addresses: [{ ip: "10.1.2.3" }], ports: [{ port: 80 }] }]), []));
  const changed = planMirror(made([{ addresses: [{ ip: "10.2.3.4" }], ports: [{ port: 80 }] }]), before);
  t.match(changed, {
    create: [],
    delete: [],
    update: [{ metadata: { name: "db-0" }, endpoints: [{ addresses: ["10.2.3.4"] }] }],
  });
  t.match(planMirror(made([]), before), { create: [], update: [], delete: [{ metadata: { name: "db-0" } }] });
});

const at = (ip: string, zone: string, ready = true): Endpoint => ({
  addresses: [ip],
  zone,
  nodeName: `n-${zone}`,
  conditions: { ready },
});
const zonesOf = (endpoints: Endpoint[]) => endpoints.map(({ hints }) => hints?.forZones?.[0]?.name).join();

t.test("trafficDistribution hints at the endpoint's own place", async (t) => {
  const endpoints = [at("1", "east"), at("2", "west", false)];
  const hints = (trafficDistribution?: string) =>
    withHints(makeService("s", { trafficDistribution }), endpoints, undefined).map((endpoint) => endpoint.hints);
  t.same(hints(), [undefined, undefined]);
  for (const zonal of ["PreferClose", "PreferSameZone"])
    t.same(hints(zonal), [{ forZones: [{ name: "east" }] }, undefined], zonal);
  t.same(hints("PreferSameNode"), [{ forZones: [{ name: "east" }], forNodes: [{ name: "n-east" }] }, undefined]);
});

t.test("topology mode Auto shares endpoints out by the zones' CPU", async (t) => {
  const service = makeService("s");
  service.metadata.annotations = { "service.kubernetes.io/topology-mode": "Auto" };
  const even = new Map([
    ["east", 2000],
    ["west", 2000],
  ]);
  const hints = (endpoints: Endpoint[], cpu: Map<string, number> | undefined = even) =>
    zonesOf(withHints(service, endpoints, cpu));
  t.equal(hints([at("1", "east"), at("2", "east"), at("3", "west"), at("4", "west")]), "east,east,west,west");
  t.equal(
    hints([at("1", "east"), at("2", "east"), at("3", "east"), at("4", "east"), at("5", "east"), at("6", "west")]),
    "east,east,east,west,west,west",
  );
  t.equal(hints([at("1", "east")]), "", "too few");
  t.equal(hints([at("1", "east"), at("2", "east")], new Map([["east", 4000]])), ",", "one zone");
  t.equal(zonesOf(withHints(service, [at("1", "east")], undefined)), "", "nodes without zones");
});
