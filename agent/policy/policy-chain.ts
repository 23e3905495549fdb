/** A policy's rules for one direction as a chain that accepts what they allow and returns otherwise. Pure. */
import { FAMILIES, type Family } from "./layout.js";
import {
  ALL_PODS,
  type Direction,
  hashOf,
  type NamedPort,
  type PodGroup,
  type PolicyRules,
  type Rule,
} from "./policy-rules.js";
import { addressRanges, isEverything, portRanges } from "./ranges.js";

/** A set of the addresses of a group's pods, or of each pod's address with its port of that name. */
export interface GroupSet {
  name: string;
  group: PodGroup;
  port?: NamedPort;
  family: Family;
}

export interface PolicyChain {
  name: string;
  lines: readonly string[];
  /** What the lines look into. */
  sets: readonly GroupSet[];
}

export const chainName = (key: string, direction: Direction) => `${direction}-${hashOf(key)}`;

export function policyChain(policy: PolicyRules, direction: Direction, families: readonly Family[]): PolicyChain {
  const lines = new Set<string>();
  const sets = new Map<string, GroupSet>();
  for (const family of families) {
    const writer = new RuleWriter(policy, direction, family, sets);
    for (const rule of policy[direction] ?? []) for (const line of writer.lines(rule)) lines.add(line);
  }
  return { name: chainName(policy.key, direction), lines: [...lines], sets: [...sets.values()] };
}

class RuleWriter {
  constructor(
    private readonly policy: PolicyRules,
    private readonly direction: Direction,
    private readonly family: Family,
    private readonly sets: Map<string, GroupSet>,
  ) {}

  lines(rule: Rule): string[] {
    const toPods = this.direction === "egress" && rule.peers;
    const plain = this.#peers(rule).flatMap((peer) => this.#ranges(rule).map((port) => `${peer}${port}accept`));
    const named = (rule.ports?.named ?? []).flatMap((port) => {
      // A name means what it means with the pod that is asked: one of the policy's own, or one of the peers.
      if (toPods) return this.#namedPeers(rule, port);
      const group = this.direction === "ingress" ? this.policy.pods : ALL_PODS;
      return this.#peers(rule).map((peer) => `${peer}${this.#named(group, port)}accept`);
    });
    return [...plain, ...named];
  }

  #namedPeers({ peers }: Rule, port: NamedPort): string[] {
    const blocks = this.#blocks(peers).map((block) => `${block}${this.#named(ALL_PODS, port)}accept`);
    return [...(peers?.groups ?? []).map((group) => `${this.#named(group, port)}accept`), ...blocks];
  }

  /** One match for each way in which the other side may be allowed; nothing to match where anybody is. */
  #peers({ peers }: Rule): string[] {
    if (!peers) return [""];
    const { ip } = FAMILIES[this.family];
    const groups = peers.groups.map((group) => `${ip} ${this.#side} @${this.#set(group)} `);
    return [...groups, ...this.#blocks(peers)];
  }

  #blocks(peers: Rule["peers"]): string[] {
    const ranges = addressRanges(peers?.blocks ?? [], this.family);
    if (ranges.length === 0) return [];
    const { ip } = FAMILIES[this.family];
    if (isEverything(ranges, this.family)) return [`meta nfproto ${this.family === 4 ? "ipv4" : "ipv6"} `];
    return [`${ip} ${this.#side} { ${ranges.join(", ")} } `];
  }

  #ranges({ ports }: Rule): string[] {
    if (!ports) return [""];
    return (["tcp", "udp", "sctp"] as const).flatMap((protocol) => {
      const ranges = portRanges(ports.ranges, protocol);
      if (ranges.length === 0) return [];
      if (ranges[0] === "0-65535") return [`meta l4proto ${protocol} `];
      return [`meta l4proto ${protocol} th dport { ${ranges.join(", ")} } `];
    });
  }

  #named(group: PodGroup, port: NamedPort): string {
    return `${FAMILIES[this.family].ip} daddr . meta l4proto . th dport @${this.#set(group, port)} `;
  }

  get #side() {
    return this.direction === "ingress" ? "saddr" : "daddr";
  }

  #set(group: PodGroup, port?: NamedPort): string {
    const { suffix } = FAMILIES[this.family];
    const name = port ? `ports-${hashOf([group.id, port])}${suffix}` : `pods-${group.id}${suffix}`;
    this.sets.set(name, { name, group, port, family: this.family });
    return name;
  }
}
