/** What a NetworkPolicy says, in the terms of enforcement: groups of pods, ranges of addresses, ports. Pure. */
import { createHash } from "node:crypto";
import type {
  IPBlock,
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { type ParsedSelector, requirementsOf } from "#api/selectors.js";

export type Direction = "ingress" | "egress";

export interface PolicyRules {
  /** "namespace/name". */
  key: string;
  /** The pods the policy is about. */
  pods: PodGroup;
  /** Absent: the policy says nothing about that direction. Empty: nothing is allowed. */
  ingress?: readonly Rule[];
  egress?: readonly Rule[];
}

/** Allows what matches one of the peers and one of the ports. */
export interface Rule {
  /** Absent: anybody. */
  peers?: { groups: readonly PodGroup[]; blocks: readonly IPBlock[] };
  /** Absent: everything, whatever its protocol. */
  ports?: { ranges: readonly PortRange[]; named: readonly NamedPort[] };
}

/** Pods, wherever they are. Equal selectors have equal ids, whichever policies they stand in. */
export interface PodGroup {
  id: string;
  /** One namespace by name, or all that a selector selects. */
  namespaces: string | ParsedSelector;
  pods: ParsedSelector;
}

/** Inclusive. A port 0 to 65535 is all of a protocol. */
export interface PortRange {
  protocol: Protocol;
  first: number;
  last: number;
}

/** A container port, to be looked up with each pod that traffic goes to. */
export interface NamedPort {
  protocol: Protocol;
  name: string;
}

export type Protocol = "tcp" | "udp" | "sctp";

export const hashOf = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 12);

function podGroup(namespaces: string | LabelSelector, pods: LabelSelector): PodGroup {
  const of = {
    namespaces: typeof namespaces === "string" ? namespaces : requirementsOf(namespaces),
    pods: requirementsOf(pods),
  };
  return { id: hashOf(of), ...of };
}

/** Every pod there is: a port's name may be asked of any. */
export const ALL_PODS = podGroup({}, {});

const known = new WeakMap<NetworkPolicy, PolicyRules>();

/** Worked out once per version of a policy. */
export function rulesOf(policy: NetworkPolicy): PolicyRules {
  let rules = known.get(policy);
  if (!rules) {
    rules = translate(policy);
    known.set(policy, rules);
  }
  return rules;
}

function translate(policy: NetworkPolicy): PolicyRules {
  const { spec, metadata } = policy;
  const { namespace = "" } = metadata;
  const rules: PolicyRules = { key: keyOf(policy), pods: podGroup(namespace, spec.podSelector ?? {}) };
  if (spec.policyTypes?.includes("Ingress"))
    rules.ingress = (spec.ingress ?? []).map(({ from, ports }) => rule(namespace, from, ports));
  if (spec.policyTypes?.includes("Egress"))
    rules.egress = (spec.egress ?? []).map(({ to, ports }) => rule(namespace, to, ports));
  return rules;
}

function rule(
  namespace: string,
  peers: readonly NetworkPolicyPeer[] = [],
  ports: readonly NetworkPolicyPort[] = [],
): Rule {
  const result: Rule = {};
  if (peers.length > 0) {
    const groups = peers.filter(({ ipBlock }) => !ipBlock).map((peer) => groupOf(namespace, peer));
    result.peers = { groups, blocks: peers.flatMap(({ ipBlock }) => ipBlock ?? []) };
  }
  if (ports.length > 0) {
    const named = ports.flatMap(({ port, protocol }) =>
      typeof port === "string" ? { protocol: protocolOf(protocol), name: port } : [],
    );
    result.ports = { named, ranges: ports.flatMap(rangeOf) };
  }
  return result;
}

function groupOf(namespace: string, { namespaceSelector, podSelector = {} }: NetworkPolicyPeer): PodGroup {
  return podGroup(namespaceSelector ?? namespace, podSelector);
}

const protocolOf = (protocol = "TCP") => protocol.toLowerCase() as Protocol;

function rangeOf({ protocol, port, endPort }: NetworkPolicyPort): PortRange[] {
  if (typeof port === "string") return [];
  const [first, last] = port === undefined ? [0, 65535] : [port, endPort ?? port];
  return [{ protocol: protocolOf(protocol), first, last }];
}
