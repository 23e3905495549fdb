/**
 * The table `inet berth-policy`. A packet on its way to or from a pod is looked up by address: ingress and egress know only the
 * isolated pods of this node and send it to the chain of all pods that the same policies select. That chain asks each policy's
 * chain, which accepts what a rule allows, and drops the rest. Accepting ends one hook only: what leaves an isolated pod for
 * another one must pass both.
 *
 * The hooks come after the proxy's translation, so that they see pods where clients ask for Services, and before any
 * masquerading, so that they see who asks: a client at a node port of this node by its own address, one at another node's by
 * that node's, unless `externalTrafficPolicy` is Local. They hang in `forward` alone: what the node itself sends to its pods
 * (probes) or gets from them (DNS) passes by, as Kubernetes has it.
 */

export const POLICY_TABLE = "berth-policy";

export type Family = 4 | 6;

/** How nft names what belongs to one address family; names of sets of IPv6 addresses end in 6. */
export const FAMILIES = {
  4: { suffix: "", ip: "ip", type: "ipv4_addr" },
  6: { suffix: "6", ip: "ip6", type: "ipv6_addr" },
} as const;

const perFamily = (text: (f: (typeof FAMILIES)[Family]) => string) => Object.values(FAMILIES).map(text).join("\n");

/** Drops everything: the chain of a pod about which nothing is known yet. */
export const CLOSED = "closed";

/** Everything but policies and pods. */
export const LAYOUT = `
${perFamily(
  ({ suffix, type }) => `
  map ingress${suffix} { type ${type} : verdict; }
  map egress${suffix} { type ${type} : verdict; }
  set self${suffix} { type ${type} . ${type}; }`,
)}
  chain ${CLOSED} {
    drop
  }
  chain pass {
    ct state established,related accept
${perFamily(({ suffix, ip }) => `    ${ip} saddr . ${ip} daddr @self${suffix} accept`)}
  }
  chain forward-egress {
    type filter hook forward priority filter + 10; policy accept;
    jump pass
${perFamily(({ suffix, ip }) => `    ${ip} saddr vmap @egress${suffix}`)}
  }
  chain forward-ingress {
    type filter hook forward priority filter + 11; policy accept;
    jump pass
${perFamily(({ suffix, ip }) => `    ${ip} daddr vmap @ingress${suffix}`)}
  }
`;
