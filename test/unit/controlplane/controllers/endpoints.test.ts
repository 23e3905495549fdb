import t from "tap";
import type { EndpointSlice, Pod, Service } from "#api/generated/types.js";
import { endpointSubsets } from "#controlplane/controllers/endpoints/subsets.js";
import { planEndpoints } from "#controlplane/controllers/endpoints.js";
import { planSlices } from "#controlplane/controllers/endpointslice/plan.js";
import { TriggerTimes } from "#controlplane/controllers/service-endpoints/trigger-time.js";
import { makePod, makeService, meta, type PodShape } from "#test/fixtures/objects.js";

const ports = [{ name: "http", containerPort: 8080 }];

function web(name: string, ip: string, shape: PodShape = {}): Pod {
  const spec = { containers: [{ name: "c", ports }], ...shape.spec };
  return makePod(name, { labels: { app: "web" }, node: "n1", ready: true, ip, ...shape, spec });
}

function plan(service: Service, pods: Pod[], slices: EndpointSlice[] = [], triggerTime?: string) {
  return planSlices({ service, pods, slices, triggerTime, zoneOf: (node) => (node === "n1" ? "z1" : undefined) });
}

/** The slices a server would hold after the plan. */
function stored(...result: ReturnType<typeof plan>["create"]): EndpointSlice[] {
  return result.map((draft, i) => ({ ...draft, metadata: { ...meta(`web-${i}`), ...draft.metadata } }));
}

t.test("a slice as kube-proxy and its likes read it", async (t) => {
  const service = makeService("web", { ports: [{ port: 80, targetPort: "http", name: "web", protocol: "TCP" }] });
  service.metadata.labels = { team: "a" };
  const pods = [web("a", "10.1.0.1"), web("b", "10.1.0.2", { ready: false }), web("c", "10.1.0.3", { deleting: true })];
  const result = plan(service, pods, [], "2026-01-01T00:00:00Z");
  t.match(result, { update: [], delete: [] });
  t.match(result.create, [
    {
      metadata: {
        generateName: "web-",
        namespace: "ns",
        labels: {
          team: "a",
          "kubernetes.io/service-name": "web",
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
        annotations: { "endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z" },
        ownerReferences: [{ kind: "Service", name: "web", uid: "uid-web", controller: true }],
      },
      addressType: "IPv4",
      ports: [{ name: "web", port: 8080, protocol: "TCP" }],
      endpoints: [
        {
          addresses: ["10.1.0.1"],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: "n1",
          zone: "z1",
          targetRef: { kind: "Pod", namespace: "ns", name: "a", uid: "uid-a" },
        },
        { addresses: ["10.1.0.2"], conditions: { ready: false, serving: false, terminating: false } },
        { addresses: ["10.1.0.3"], conditions: { ready: false, serving: true, terminating: true } },
      ],
    },
  ]);
});

t.test("publishNotReadyAddresses, hostnames, headless, ended Pods, no address", async (t) => {
  const service = makeService("web", { publishNotReadyAddresses: true, clusterIP: "None", ports: undefined });
  const pods = [
    web("a", "10.1.0.1", { ready: false, spec: { containers: [], hostname: "a-0", subdomain: "web" } }),
    web("b", "10.1.0.2", { phase: "Succeeded" }),
    web("c", ""),
  ];
  const [slice] = plan(service, pods).create;
  t.equal(slice?.endpoints.length, 1);
  t.match(slice?.endpoints[0], { hostname: "a-0", conditions: { ready: true, serving: false } });
  t.equal(slice?.metadata.labels?.["service.kubernetes.io/headless"], "");
});

t.test("nothing changes when nothing changed; one change writes one slice", async (t) => {
  const service = makeService("web");
  const pods = Array.from({ length: 250 }, (_, i) => web(`p${i}`, `10.1.${i >> 8}.${i & 255}`));
  const slices = stored(...plan(service, pods).create);
  t.same(
    slices.map((slice) => slice.endpoints.length),
    [100, 100, 50],
  );
  const settled = plan(service, pods, slices, "2026-01-01T00:00:00Z");
  t.same([settled.create, settled.update, settled.delete], [[], [], []]);
  const turned = pods.map((pod, i) => (i === 120 ? web("p120", "10.1.0.120", { ready: false }) : pod));
  const change = plan(service, turned, slices);
  t.same(
    change.update.map((slice) => slice.metadata.name),
    ["web-1"],
  );
  t.equal(change.update[0]?.endpoints[20]?.conditions?.ready, false, "in its place");
  const added = plan(service, [...pods, web("new", "10.2.0.1")], slices);
  t.same(
    added.update.map((slice) => [slice.metadata.name, slice.endpoints.length]),
    [["web-2", 51]],
  );
  const replaced = plan(service, [...pods.slice(1), web("new", "10.2.0.1")], slices);
  t.same(
    replaced.update.map((slice) => [slice.metadata.name, slice.endpoints.length]),
    [["web-0", 100]],
    "the slice that changes anyway takes the new one",
  );
  const shrunk = plan(service, pods.slice(0, 150), slices);
  t.same(
    [shrunk.update, shrunk.delete].map((list) => list.map((slice) => slice.metadata.name)),
    [["web-1"], ["web-2"]],
  );
});

t.test("without endpoints there is one empty slice, which is used when they come", async (t) => {
  const service = makeService("web");
  const empty = stored(...plan(service, []).create);
  t.equal(empty.length, 1);
  t.same(empty[0]?.endpoints, []);
  t.match(plan(service, [], empty), { create: [], update: [], delete: [] });
  const first = plan(service, [web("a", "10.1.0.1")], empty);
  t.match(first, { create: [], delete: [] });
  t.match(first.update, [{ metadata: { name: "web-0" }, ports: [{ port: 8080 }], endpoints: [{}] }]);
});

t.test("Pods that serve a named port elsewhere get a slice of their own", async (t) => {
  const other = web("b", "10.1.0.2", {
    spec: { containers: [{ name: "c", ports: [{ name: "http", containerPort: 9090 }] }] },
  });
  const result = plan(makeService("web"), [web("a", "10.1.0.1"), other]);
  t.same(
    result.create.map((slice) => slice.ports?.[0]?.port),
    [8080, 9090],
  );
});

t.test("Endpoints: subsets by ports, ready and not ready, sorted", async (t) => {
  const service = makeService("web");
  const pods = [
    web("b", "10.1.0.2"),
    web("a", "10.1.0.1"),
    web("c", "10.1.0.3", { ready: false }),
    web("d", "10.1.0.4", { deleting: true }),
  ];
  const subsets = endpointSubsets(service, pods);
  t.match(subsets, [
    {
      addresses: [{ ip: "10.1.0.1", nodeName: "n1", targetRef: { name: "a" } }, { ip: "10.1.0.2" }],
      notReadyAddresses: [{ ip: "10.1.0.3" }],
      ports: [{ name: "web", port: 8080, protocol: "TCP" }],
    },
  ]);
  const first = planEndpoints(service, pods, undefined, "2026-01-01T00:00:00Z");
  t.equal(first.object.metadata.labels?.["endpoints.kubernetes.io/managed-by"], "endpoint-controller");
  t.equal(planEndpoints(service, pods, first.object, undefined).changed, false);
  t.equal(planEndpoints(service, pods.slice(1), first.object, undefined).changed, true);
});

t.test("the trigger time is the earliest change not told of yet", async (t) => {
  const triggers = new TriggerTimes();
  const service = makeService("web");
  const at = (time: string) => web("a", "10.1.0.1", { readySince: time });
  t.equal(triggers.next("k", service, [at("2026-01-01T00:05:00Z")]), "2026-01-01T00:00:00Z");
  t.equal(triggers.next("k", service, [at("2026-01-01T00:05:00Z")]), undefined);
  t.equal(triggers.next("k", service, [at("2026-01-01T00:06:00Z")]), "2026-01-01T00:06:00Z");
});
