import t from "tap";
import {
  hostPrefix,
  type PresentTunnel,
  type Tunnel,
  tunnelChanges,
  tunnelMtu,
  vtepMac,
} from "#agent/network/vxlan.js";

const wanted: Tunnel = {
  id: 7,
  port: 8472,
  local: "192.0.2.1",
  mtu: 1450,
  addresses: ["10.244.0.1/32"],
  peers: new Map([["10.244.2.1", "198.51.100.3"]]),
};
const MAC = "0a:59:c6:33:64:03";

const present: PresentTunnel = {
  ...wanted,
  mac: "0a:59:c0:00:02:01",
  neighbours: new Map([["10.244.2.1", MAC]]),
  forwarding: new Map([[MAC, "198.51.100.3"]]),
};
const NOTHING = { make: [], forward: [], remove: [], forget: [] };

t.test("every node can tell another's hardware address", async (t) => {
  t.equal(vtepMac("198.51.100.3"), MAC);
  t.match(vtepMac("2001:db8::3"), /^0a:59(:[0-9a-f]{2}){4}$/);
  t.equal(vtepMac("2001:db8::3"), vtepMac("2001:0db8:0::3"));
  t.not(vtepMac("2001:db8::3"), vtepMac("2001:db8::4"));
});

t.test("what the headers take", async (t) => {
  t.same([tunnelMtu("192.0.2.1", 1500), tunnelMtu("2001:db8::1", 1500)], [1450, 1430]);
  t.same([hostPrefix("10.244.0.1/24"), hostPrefix("fd00::1/64")], ["10.244.0.1/32", "fd00::1/128"]);
});

t.test("made with the first peer, gone with the last", async (t) => {
  t.same(tunnelChanges(undefined, wanted), {
    make: [
      "link add berth-vxlan address 0a:59:c0:00:02:01 mtu 1450 type vxlan id 7 dstport 8472 local 192.0.2.1 nolearning noudpcsum",
      "link set berth-vxlan up",
      "addr add 10.244.0.1/32 dev berth-vxlan",
      `neigh replace 10.244.2.1 lladdr ${MAC} dev berth-vxlan nud permanent`,
    ],
    forward: [`fdb replace ${MAC} dev berth-vxlan dst 198.51.100.3`],
    remove: [],
    forget: [],
  });
  t.same(tunnelChanges(present, undefined), { ...NOTHING, remove: ["link del berth-vxlan"] });
  t.same(tunnelChanges(undefined, undefined), NOTHING);
});

t.test("nothing is touched but what changed", async (t) => {
  t.same(tunnelChanges(present, wanted), NOTHING);
  const more = new Map([...wanted.peers, ["10.244.3.1", "198.51.100.4"]]);
  t.same(tunnelChanges(present, { ...wanted, peers: more }), {
    ...NOTHING,
    make: ["neigh replace 10.244.3.1 lladdr 0a:59:c6:33:64:04 dev berth-vxlan nud permanent"],
    forward: ["fdb replace 0a:59:c6:33:64:04 dev berth-vxlan dst 198.51.100.4"],
  });
  const moved = new Map([["10.244.2.1", "198.51.100.9"]]);
  t.same(tunnelChanges(present, { ...wanted, peers: moved }), {
    make: ["neigh replace 10.244.2.1 lladdr 0a:59:c6:33:64:09 dev berth-vxlan nud permanent"],
    forward: ["fdb replace 0a:59:c6:33:64:09 dev berth-vxlan dst 198.51.100.9"],
    remove: [],
    forget: [`fdb del ${MAC} dev berth-vxlan dst 198.51.100.3`],
  });
  const other = new Map([["10.244.4.1", "198.51.100.3"]]);
  t.same(tunnelChanges(present, { ...wanted, peers: other }), {
    ...NOTHING,
    make: [`neigh replace 10.244.4.1 lladdr ${MAC} dev berth-vxlan nud permanent`],
    remove: ["neigh del 10.244.2.1 dev berth-vxlan"],
  });
});

t.test("the node itself moves: the link is changed, not made again, unless it must be", async (t) => {
  t.same(tunnelChanges(present, { ...wanted, local: "192.0.2.5", mtu: 1400, addresses: ["10.244.9.1/32"] }), {
    ...NOTHING,
    make: [
      "link set berth-vxlan address 0a:59:c0:00:02:05",
      "link set berth-vxlan type vxlan local 192.0.2.5",
      "link set berth-vxlan mtu 1400",
      "addr add 10.244.9.1/32 dev berth-vxlan",
      "addr del 10.244.0.1/32 dev berth-vxlan",
    ],
  });
  for (const change of [{ id: 8 }, { port: 4789 }]) {
    const { make, forward } = tunnelChanges(present, { ...wanted, ...change });
    t.match(make, ["link del berth-vxlan", /^link add /, /^link set .* up/, /^addr add /, /^neigh replace /]);
    t.equal(forward.length, 1);
  }
});
