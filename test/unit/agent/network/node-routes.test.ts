import t from "tap";
import { planNodeRoutes, routeChanges, wayOf } from "#agent/network/node-routes.js";
import type { Node } from "#api/generated/types.js";

const ranges = { podCIDRs: ["10.244.0.0/16", "fd00:10::/48"], serviceCIDRs: ["10.96.0.0/16"] };

function node(name: string, podCIDR: string | string[] | undefined, address = "192.0.2.9", created = ""): Node {
  const addresses = address ? [{ type: "InternalIP", address }] : [];
  const spec = podCIDR ? { podCIDRs: [podCIDR].flat() } : {};
  return { metadata: { name, creationTimestamp: created }, spec, status: { addresses } } as unknown as Node;
}

const own = node("a", ["10.244.0.0/24", "fd00:10::/64"], "192.0.2.1");
const place = { nodeName: "a", addresses: ["192.0.2.1"], onLink: ["192.0.2.1/24"] };
const plan = (...others: Node[]) => planNodeRoutes(place, [own, ...others], ranges);

t.test("host-gw on one network, the tunnel elsewhere, both in one cluster", async (t) => {
  const { routes, tunnelled, problems } = plan(
    node("b", "10.244.1.0/24"),
    node("c", "10.244.2.0/24", "198.51.100.3"),
    node("d", undefined),
  );
  t.same(
    [...routes],
    [
      ["10.244.1.0/24", "via 192.0.2.9"],
      ["10.244.2.0/24", "via 10.244.2.1 dev berth-vxlan onlink src 10.244.0.1"],
    ],
  );
  t.same([...tunnelled], [["10.244.2.1", "198.51.100.3"]]);
  t.same(problems, []);
});

t.test("IPv6 pods go through the tunnel of nodes that have only IPv4 addresses", async (t) => {
  const { routes, tunnelled } = plan(node("b", ["10.244.1.0/24", "fd00:10:0:1::/64"]));
  t.same(
    [...routes],
    [
      ["10.244.1.0/24", "via 192.0.2.9"],
      ["fd00:10:0:1::/64", "via fd00:10:0:1::1 dev berth-vxlan onlink src fd00:10::1"],
    ],
  );
  t.same([...tunnelled], [["fd00:10:0:1::1", "192.0.2.9"]]);
});

t.test("why there is no way to a node", async (t) => {
  const why = (...others: Node[]) => plan(...others).problems;
  t.match(why(node("b", "10.9.0.0/24")), [/^node b: its pod range 10\.9\.0\.0\/24 is outside of the cluster's/]);
  t.match(why(node("b", "10.0.0.0/8")), [/outside of the cluster's/]);
  t.match(why(node("b", "10.244.0.0/25")), [/overlaps with this node's/]);
  t.match(why(node("b", "10.244.1.0/24", "")), [/^node b has no address/]);
  t.match(why(node("b", "10.244.1.0/24", "2001:db8::7")), [/no address of the kind this node has \(192\.0\.2\.1\)/]);
  const alone = planNodeRoutes(place, [node("a", undefined), node("b", "10.244.1.0/24", "198.51.100.3")], ranges);
  t.match(alone, { routes: new Map(), problems: [/this node has no pod range to send from yet/] });
});

t.test("of two nodes with one range the older keeps it", async (t) => {
  const older = node("z", "10.244.1.0/24", "192.0.2.7", "2025-01-01T00:00:00Z");
  const newer = node("b", "10.244.0.0/23", "192.0.2.8", "2025-01-02T00:00:00Z");
  const copy = node("c", "10.244.1.0/24", "192.0.2.9", "2025-01-03T00:00:00Z");
  const { routes, problems } = plan(copy, newer, older);
  t.same([...routes], [["10.244.1.0/24", "via 192.0.2.7"]]);
  t.match(problems, [/^node b: .* overlaps with this node's/, /^node c: .* overlaps with that of node z/]);
});

t.test("routes are changed one by one, also from one kind to the other", async (t) => {
  const present = new Map(
    [
      { dst: "10.244.1.0/24", gateway: "192.0.2.9", dev: "eth0" },
      { dst: "10.244.2.0/24", gateway: "10.244.2.1", dev: "berth-vxlan", prefsrc: "10.244.0.1" },
      { dst: "10.244.5.0/24", gateway: "192.0.2.5", dev: "eth0" },
    ].map((route) => [route.dst, wayOf(route) ?? ""] as const),
  );
  t.equal(wayOf({ dst: "10.96.0.0/16", dev: "berth0" }), undefined, "a guard is no way to a node");
  const { routes } = plan(node("b", "10.244.1.0/24", "198.51.100.2"), node("c", "10.244.2.0/24", "198.51.100.3"));
  t.same(routeChanges(present, routes), [
    "route del 10.244.5.0/24 proto 119",
    "route replace 10.244.1.0/24 via 10.244.1.1 dev berth-vxlan onlink src 10.244.0.1 proto 119",
  ]);
});
