/**
 * The table `inet berth-proxy`. One flat map per kind of lookup: who is asked (services, nodeports) → a chain that picks one of n;
 * that chain looks the address up by place (endpoints, nodeport-endpoints). All services with n endpoints share a chain;
 * only client affinity needs chains of its own.
 */

export const PROXY_TABLE = "berth-proxy";
/**
 * Maps of endpoints come one for each protocol: nft (1.0.6) takes a random number into a key only by example (`typeof`), and
 * an example that fits all protocols (`th dport`) cannot be used by a rule that is added later.
 */
const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
/** The bit kube-proxy uses by default. */
const MASQUERADE = "0x00004000";

const FAMILIES = [
  { suffix: "", ip: "ip", type: "ipv4_addr", loopback: "127.0.0.0/8" },
  { suffix: "6", ip: "ip6", type: "ipv6_addr", loopback: "::1" },
] as const;

const elements = (list: readonly string[]) => (list.length > 0 ? ` elements = { ${list.join(", ")} };` : "");
const perFamily = (text: (f: (typeof FAMILIES)[number]) => string) => FAMILIES.map(text).join("\n");

/** Everything but services. @param podCIDRs whose addresses are of the cluster itself */
export const layout = (podCIDRs: readonly string[]) => `${lookups(podCIDRs)}${CHAINS}`;

/** What chains look into. */
const lookups = (podCIDRs: readonly string[]) => `
${perFamily(
  ({ suffix, ip, type }) => `
  set pods${suffix} { type ${type}; flags interval;${elements(podCIDRs.filter((cidr) => cidr.includes(":") === (suffix === "6")))} }
  map services${suffix} { type ${type} . inet_proto . inet_service : verdict; }
  map nodeports${suffix} { type inet_proto . inet_service : verdict; }
${PROTOCOLS.map(
  (l4) => `
  map endpoints${suffix}-${l4} {
    typeof ${ip} daddr . ${l4} dport . numgen random mod 65536 : ${ip} daddr . ${l4} dport
  }
  map nodeport-endpoints${suffix}-${l4} { typeof ${l4} dport . numgen random mod 65536 : ${ip} daddr . ${l4} dport; }`,
).join("")}
  set refused${suffix} { type ${type} . inet_proto . inet_service; }
  set dropped${suffix} { type ${type} . inet_proto . inet_service; }
  set refused-nodeports${suffix} { type inet_proto . inet_service; }
  set dropped-nodeports${suffix} { type inet_proto . inet_service; }
  set hairpin${suffix} { type ${type} . ${type}; }`,
)}`;

/** Base chains with their hooks, and what they go through. */
const CHAINS = `
  chain translate {
${perFamily(
  ({ suffix, ip, loopback }) => `
    ${ip} daddr . meta l4proto . th dport vmap @services${suffix}
    fib daddr type local ${ip} daddr != ${loopback} meta l4proto . th dport vmap @nodeports${suffix}`,
)}
  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmpx type port-unreachable
  }
  chain empty {
${perFamily(
  ({ suffix, ip }) => `
    ${ip} daddr . meta l4proto . th dport @refused${suffix} goto refuse
    ${ip} daddr . meta l4proto . th dport @dropped${suffix} drop
    meta nfproto ${suffix ? "ipv6" : "ipv4"} meta l4proto . th dport @refused-nodeports${suffix} fib daddr type local goto refuse
    meta nfproto ${suffix ? "ipv6" : "ipv4"} meta l4proto . th dport @dropped-nodeports${suffix} fib daddr type local drop`,
)}
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    meta l4proto { tcp, udp, sctp } jump translate
  }
  chain output {
    type nat hook output priority -100; policy accept;
    meta l4proto { tcp, udp, sctp } jump translate
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    meta mark & ${MASQUERADE} == ${MASQUERADE} meta mark set meta mark & 0xffffbfff masquerade
${perFamily(({ suffix, ip }) => `    ct status dnat ${ip} saddr . ${ip} daddr @hairpin${suffix} masquerade`)}
  }
${["input", "forward", "output"]
  .map(
    (hook) => `
  chain filter-${hook} {
    type filter hook ${hook} priority filter; policy accept;
    ct state new meta l4proto { tcp, udp, sctp } jump empty
  }`,
  )
  .join("")}
`;

export interface Pick {
  kind: "address" | "nodePort";
  family: 4 | 6;
  protocol: string;
  masquerade: boolean;
  /** Of how many backends. */
  count: number;
  /** Among those for clients from outside that must stay on this node: they have places of their own in the same map. */
  near: boolean;
}

/** The first place of those backends. */
export const NEAR_PLACES = 32_768;

/** Name of the chain that picks one of so many backends. */
export function pickChain({ kind, family, protocol, masquerade, count, near }: Pick): string {
  const name = `${kind === "address" ? "lb" : "np"}${family === 6 ? "6" : ""}-${protocol}-${count}`;
  return `${masquerade ? "masq-" : ""}${name}${near ? "-near" : ""}`;
}

/** The map that the chain looks into: a key is the frontend and the place. */
export function endpointMap({ kind, family, protocol }: Omit<Pick, "masquerade" | "count" | "near">): string {
  return `${kind === "address" ? "endpoints" : "nodeport-endpoints"}${family === 6 ? "6" : ""}-${protocol}`;
}

/** The rules of such a chain, by its name. @throws Error when it is not the name of one */
export function pickRules(chain: string): string[] {
  const [, masquerade, kind, six, protocol, count, near] =
    chain.match(/^(masq-)?(lb|np)(6?)-(\w+)-(\d+)(-near)?$/) ?? [];
  if (!kind || !protocol) throw new Error(`${chain} picks nothing`);
  if (masquerade) return [MARK_RULE, `goto ${chain.slice("masq-".length)}`];
  const ip = six ? "ip6" : "ip";
  const map = endpointMap({ kind: kind === "lb" ? "address" : "nodePort", family: six ? 6 : 4, protocol });
  const asked = kind === "lb" ? `${ip} daddr . ${protocol} dport` : `${protocol} dport`;
  const place = `numgen random mod ${count}${near ? ` offset ${NEAR_PLACES}` : ""}`;
  return [`dnat ${ip} to ${asked} . ${place} map @${map}`];
}

/** Chains that a chain of ours goes on to, and that must therefore be there. */
export function pickNeeds(chain: string): string[] {
  return chain.startsWith("masq-") ? [chain.slice("masq-".length), chain] : [chain];
}

export const MARK_RULE = `meta mark set meta mark | ${MASQUERADE}`;
