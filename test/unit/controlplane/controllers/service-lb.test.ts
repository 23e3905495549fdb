import t from "tap";
import type { Node, Service } from "#api/generated/types.js";
import { EXCLUDED, isBalanced, planBalancer } from "#controlplane/controllers/service-lb/plan.js";
import { makeService, meta } from "#test/fixtures/objects.js";
import { slice } from "#test/fixtures/services.js";

function node(name: string, ip: string, more: { ready?: string; cordoned?: boolean; labels?: object } = {}): Node {
  return {
    metadata: { ...meta(name), labels: { ...more.labels } },
    spec: { unschedulable: more.cordoned },
    status: {
      conditions: [{ type: "Ready", status: more.ready ?? "True" }],
      addresses: [
        { type: "InternalIP", address: ip },
        { type: "Hostname", address: name },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    },
  } as Node;
}

function balancer(name: string, port: number, spec: object = {}, created = "2026-01-01T00:00:00Z"): Service {
  const service = makeService(name, {
    type: "LoadBalancer",
    ipFamilies: ["IPv4"],
    ports: [{ port, protocol: "TCP" }],
    ...spec,
  });
  service.metadata.creationTimestamp = created;
  return service;
}

const nodes = [node("a", "192.168.0.1"), node("b", "192.168.0.2")];
const plan = (service: Service, more: Partial<Parameters<typeof planBalancer>[1]> = {}) =>
  planBalancer(service, { nodes, rivals: [service], slices: [], apiServers: new Set(["192.168.0.2:6443"]), ...more });

t.test("nodes that are ready, take Pods and are not excluded", async (t) => {
  const all = [
    ...nodes,
    node("c", "192.168.0.3", { ready: "Unknown" }),
    node("d", "192.168.0.4", { cordoned: true }),
    node("e", "192.168.0.5", { labels: { [EXCLUDED]: "" } }),
  ];
  t.same(plan(balancer("web", 80), { nodes: all }), { addresses: ["192.168.0.1", "192.168.0.2"], refusals: [] });
  t.notOk(isBalanced(balancer("web", 80, { loadBalancerClass: "x.y/z" })), "somebody else's");
});

t.test("only nodes with ready endpoints where traffic must stay", async (t) => {
  const local = balancer("web", 80, { externalTrafficPolicy: "Local" });
  t.same(plan(local, { slices: [slice("web", { "10.244.1.2": "b" })] }).addresses, ["192.168.0.2"]);
  const ending = slice("web", { "10.244.1.2": "b" }, undefined, { ready: false, serving: true, terminating: true });
  t.same(plan(local, { slices: [ending] }).addresses, []);
});

t.test("ports of the node's own programs and of an older service are refused", async (t) => {
  t.same(plan(balancer("ssh", 22)), {
    addresses: [],
    refusals: ["node a keeps 192.168.0.1:22 for its own programs", "node b keeps 192.168.0.2:22 for its own programs"],
  });
  t.same(plan(balancer("api", 6443)).addresses, ["192.168.0.1"], "only where an API server listens");
  const elder = balancer("first", 80);
  const later = balancer("second", 80, {}, "2026-01-01T00:00:01Z");
  const rivals = [later, elder];
  t.same(plan(later, { rivals }), { addresses: [], refusals: ["service ns/first has one of its ports on every node"] });
  t.equal(plan(elder, { rivals }).addresses.length, 2);
  t.same(plan(balancer("ssh", 22, { ports: [{ port: 22, protocol: "UDP" }] })).refusals, [], "another protocol");
});
