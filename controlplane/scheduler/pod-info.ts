import type { Pod } from "#api/generated/types.js";
import { podRequests, type Resources, scoredRequests } from "#api/pod-resources.js";
import { type PodTerms, podTerms } from "./pod-terms.js";

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** A Pod with everything scheduling reads from it worked out once. */
export interface PodInfo {
  readonly pod: Pod;
  readonly requests: Resources;
  readonly scored: Resources;
  readonly hostPorts: readonly HostPort[];
  /** Uid of the owner that manages it. */
  readonly owner: string | undefined;
  readonly terms: PodTerms;
}

export const priorityOf = ({ pod }: PodInfo): number => pod.spec.priority ?? 0;

export function podInfo(pod: Pod): PodInfo {
  return {
    pod,
    requests: podRequests(pod),
    scored: scoredRequests(pod),
    hostPorts: hostPorts(pod),
    owner: pod.metadata.ownerReferences?.find((reference) => reference.controller)?.uid,
    terms: podTerms(pod),
  };
}

function hostPorts({ spec }: Pod): HostPort[] {
  const sidecars = (spec.initContainers ?? []).filter((container) => container.restartPolicy === "Always");
  return [...spec.containers, ...sidecars]
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort)
    .map(({ hostIP, protocol = "TCP", hostPort = 0 }) => ({ ip: hostIP || "0.0.0.0", protocol, port: hostPort }));
}
