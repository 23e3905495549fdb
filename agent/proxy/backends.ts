/** Which endpoints answer on this node. https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-policies Pure. */
import { isIP } from "node:net";
import type { Endpoint, EndpointSlice, ServicePort } from "#api/generated/types.js";

export interface Backend {
  ip: string;
  port: number;
  /** On this node: it may reach itself through the service. */
  local: boolean;
}

export interface NodePlace {
  name: string;
  /** Its label topology.kubernetes.io/zone. */
  zone?: string;
}

export interface Choice {
  /** For those who may be sent to any node. */
  cluster: readonly Backend[];
  /** For those who must stay on this node. */
  local: readonly Backend[];
  /** Whether anybody serves at all. */
  any: boolean;
}

interface Candidate extends Backend {
  state: "ready" | "ending";
  hints: Endpoint["hints"];
}

/**
 * Ready endpoints; where there is none, those that still serve while they end. Of the ready ones those meant for this node or
 * zone, when every one of them says whom it is for.
 */
export function chooseBackends(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  family: 4 | 6,
  node: NodePlace,
): Choice {
  const all = candidates(slices, port, family, node.name);
  const ready = all.filter(({ state }) => state === "ready");
  const local = all.filter((candidate) => candidate.local);
  const near = hinted(ready, node);
  return {
    cluster: (near.length > 0 ? near : all).map(toBackend),
    local: preferReady(local).map(toBackend),
    any: all.length > 0,
  };
}

const toBackend = ({ ip, port, local }: Candidate): Backend => ({ ip, port, local });

function preferReady(candidates: readonly Candidate[]): readonly Candidate[] {
  const ready = candidates.filter(({ state }) => state === "ready");
  return ready.length > 0 ? ready : candidates;
}

/** Hints count only when no endpoint is without: a list half written must not send all traffic to a few. */
function hinted(ready: readonly Candidate[], { name, zone }: NodePlace): readonly Candidate[] {
  const forNode = ({ hints }: Candidate) => hints?.forNodes ?? [];
  const forZone = ({ hints }: Candidate) => hints?.forZones ?? [];
  if (ready.every((candidate) => forNode(candidate).length > 0)) {
    const mine = ready.filter((candidate) => forNode(candidate).some((hint) => hint.name === name));
    if (mine.length > 0) return mine;
  }
  if (zone && ready.every((candidate) => forZone(candidate).length > 0)) {
    const mine = ready.filter((candidate) => forZone(candidate).some((hint) => hint.name === zone));
    if (mine.length > 0) return mine;
  }
  return ready;
}

/** All that serve, one for each address and port; ready wins over ending where two slices disagree. */
function candidates(slices: readonly EndpointSlice[], port: ServicePort, family: 4 | 6, node: string): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== (family === 4 ? "IPv4" : "IPv6")) continue;
    const target = (slice.ports ?? []).find(
      (p) => (p.name ?? "") === (port.name ?? "") && (p.protocol ?? "TCP") === (port.protocol ?? "TCP"),
    )?.port;
    if (!target) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const state = stateOf(endpoint);
      const ip = endpoint.addresses[0];
      if (!state || !ip || isIP(ip) !== family) continue;
      const key = `${ip} ${target}`;
      if (found.get(key)?.state === "ready") continue;
      found.set(key, { ip, port: target, local: endpoint.nodeName === node, state, hints: endpoint.hints });
    }
  }
  return [...found.values()];
}

function stateOf({ conditions }: Endpoint): Candidate["state"] | undefined {
  if (conditions?.ready !== false) return "ready";
  return conditions.serving !== false && conditions.terminating ? "ending" : undefined;
}
