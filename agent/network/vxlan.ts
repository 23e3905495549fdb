/**
 * The tunnel to nodes on other segments: one VXLAN link, told beforehand where everybody is. Pure decisions.
 *
 * Nothing is learnt and nothing is asked: for each peer there is a route to its pods through a gateway, a neighbour entry that
 * gives the gateway a hardware address, and a forwarding entry that leads from that to the node's address. The hardware address
 * is made from the node's, so that every node can tell it without being told, and a node that moves changes all three.
 *
 * UDP port 8472, the kernel's own default, not 4789: that is where Docker's swarm networks are, and some hypervisors keep it
 * for themselves. The outer checksum is left out (the inner ones protect what is inside), which also keeps clear of network
 * cards that get it wrong; where one gets the inner ones wrong too: `ethtool -K berth-vxlan tx-checksum-ip-generic off`.
 */
import { createHash } from "node:crypto";
import type { VxlanNumbers } from "#api/join.js";
import { parseAddress, withoutPrefix } from "#cni/lib/addresses.js";
import { isIpv6, VXLAN_LINK } from "./plan.js";

export const DEFAULT_VXLAN: VxlanNumbers = { id: 1194, port: 8472, always: false };

export interface Tunnel extends Pick<VxlanNumbers, "id" | "port"> {
  /** This node's address: what its packets come from. */
  local: string;
  mtu: number;
  /** What the node is to pods elsewhere: the gateways of its own pods, with full prefix length. */
  addresses: readonly string[];
  /** Gateway of a peer's pods → the peer's address. */
  peers: ReadonlyMap<string, string>;
}

/** What there is; in the same terms. */
export interface PresentTunnel extends Omit<Tunnel, "peers"> {
  mac: string;
  neighbours: ReadonlyMap<string, string>;
  /** Hardware address → node address. */
  forwarding: ReadonlyMap<string, string>;
}

/** In the order in which they are safe: nothing is used before it is there, nothing is removed while it is used. */
export interface TunnelChanges {
  /** For `ip -batch`: the link, its addresses, neighbours. */
  make: string[];
  /** For `bridge -batch`. */
  forward: string[];
  /** For `ip -batch`, after the routes. */
  remove: string[];
  /** For `bridge -batch`, last. */
  forget: string[];
}

/** What the packets of pods lose to the tunnel's own headers: Ethernet, IP, UDP, VXLAN. */
const overhead = (address: string) => (isIpv6(address) ? 70 : 50);

export const tunnelMtu = (local: string, underlayMtu: number) => underlayMtu - overhead(local);

/** The hardware address of a node's end of the tunnel. */
export function vtepMac(address: string): string {
  const { family, value } = parseAddress(address);
  const bytes =
    family === 4
      ? [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 0xffn))
      : [...createHash("sha256").update(value.toString()).digest().subarray(0, 4)];
  return [0x0a, 0x59, ...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export function tunnelChanges(present: PresentTunnel | undefined, wanted: Tunnel | undefined): TunnelChanges {
  const nothing: TunnelChanges = { make: [], forward: [], remove: [], forget: [] };
  if (!wanted) return { ...nothing, remove: present ? [`link del ${VXLAN_LINK}`] : [] };
  const anew = !present || !sameTunnel(present, wanted);
  const known = anew ? undefined : present;
  const neighbours = new Map([...wanted.peers].map(([gateway, node]) => [gateway, vtepMac(node)]));
  const forwarding = new Map([...wanted.peers.values()].map((node) => [vtepMac(node), node]));
  const entry = differences(known?.neighbours, neighbours);
  const forward = differences(known?.forwarding, forwarding);
  return {
    make: [
      ...(present && anew ? [`link del ${VXLAN_LINK}`] : []),
      ...(known ? adjustments(known, wanted) : creation(wanted)),
      ...entry.changed.map(([ip, mac]) => `neigh replace ${ip} lladdr ${mac} dev ${VXLAN_LINK} nud permanent`),
    ],
    forward: forward.changed.map(([mac, node]) => `fdb replace ${mac} dev ${VXLAN_LINK} dst ${node}`),
    remove: entry.gone.map(([ip]) => `neigh del ${ip} dev ${VXLAN_LINK}`),
    forget: forward.gone.map(([mac, node]) => `fdb del ${mac} dev ${VXLAN_LINK} dst ${node}`),
  };
}

/** What cannot be changed on a link that exists. */
const sameTunnel = (a: Tunnel | PresentTunnel, b: Tunnel) =>
  a.id === b.id && a.port === b.port && isIpv6(a.local) === isIpv6(b.local);

function creation({ id, port, local, mtu, addresses }: Tunnel): string[] {
  const checksums = isIpv6(local) ? "udp6zerocsumtx udp6zerocsumrx" : "noudpcsum";
  return [
    `link add ${VXLAN_LINK} address ${vtepMac(local)} mtu ${mtu} type vxlan id ${id} dstport ${port} local ${local} nolearning ${checksums}`,
    `link set ${VXLAN_LINK} up`,
    ...addresses.map(addAddress),
  ];
}

function adjustments(present: PresentTunnel, wanted: Tunnel): string[] {
  const lines: string[] = [];
  if (present.mac !== vtepMac(wanted.local)) lines.push(`link set ${VXLAN_LINK} address ${vtepMac(wanted.local)}`);
  if (present.local !== wanted.local) lines.push(`link set ${VXLAN_LINK} type vxlan local ${wanted.local}`);
  if (present.mtu !== wanted.mtu) lines.push(`link set ${VXLAN_LINK} mtu ${wanted.mtu}`);
  const added = wanted.addresses.filter((address) => !present.addresses.includes(address));
  const gone = present.addresses.filter((address) => !wanted.addresses.includes(address));
  return [...lines, ...added.map(addAddress), ...gone.map((address) => `addr del ${address} dev ${VXLAN_LINK}`)];
}

const addAddress = (address: string) => `addr add ${address} dev ${VXLAN_LINK}${isIpv6(address) ? " nodad" : ""}`;

function differences(present: ReadonlyMap<string, string> = new Map(), wanted: ReadonlyMap<string, string>) {
  return {
    changed: [...wanted].filter(([key, value]) => present.get(key) !== value),
    gone: [...present].filter(([key]) => !wanted.has(key)),
  };
}

/** "10.244.1.1/32" for the gateway "10.244.1.1/24". */
export const hostPrefix = (gateway: string) => `${withoutPrefix(gateway)}/${isIpv6(gateway) ? 128 : 32}`;
