/** What Pods ask for and nodes have, as plain numbers: CPU in millicores, all else in whole units (bytes, pods). */
import type { Container, Pod, PodSpec } from "./generated/types.js";
import { quantityMilli, quantityValue } from "./quantity.js";

export type Resources = ReadonlyMap<string, number>;

export function toResources(quantities: Readonly<Record<string, string>> | undefined): Map<string, number> {
  const resources = new Map<string, number>();
  for (const [name, text] of Object.entries(quantities ?? {}))
    resources.set(name, name === "cpu" ? quantityMilli(text) : quantityValue(text));
  return resources;
}

/** Adds `amounts` to `total`, in place; `sign` -1 takes them off. */
export function accumulate(total: Map<string, number>, amounts: Resources, sign: 1 | -1 = 1): void {
  for (const [name, amount] of amounts) total.set(name, (total.get(name) ?? 0) + sign * amount);
}

function raise(total: Map<string, number>, amounts: Resources): void {
  for (const [name, amount] of amounts) total.set(name, Math.max(total.get(name) ?? 0, amount));
}

type Requests = (container: Container) => Resources;

/** The sum of what runs together, or the most that one init container needs beside the sidecars started before it. */
function total({ containers, initContainers = [] }: PodSpec, requests: Requests): Map<string, number> {
  const sum = new Map<string, number>();
  for (const container of containers) accumulate(sum, requests(container));
  const sidecars = new Map<string, number>();
  const peak = new Map<string, number>();
  for (const container of initContainers) {
    const own = new Map(requests(container));
    if (container.restartPolicy === "Always") {
      accumulate(sum, own);
      accumulate(sidecars, own);
      raise(peak, sidecars);
    } else {
      accumulate(own, sidecars);
      raise(peak, own);
    }
  }
  raise(sum, peak);
  return sum;
}

/** What containers share when their Pod asks for it as a whole. */
export const isPodLevelResource = (name: string): boolean =>
  name === "cpu" || name === "memory" || name.startsWith("hugepages-");

/** What the Pod asks for as a whole goes before what its containers do; what its runtime takes comes on top. */
function withPodLevel({ resources, overhead }: PodSpec, sum: Map<string, number>): Resources {
  for (const [name, amount] of toResources(resources?.requests)) if (isPodLevelResource(name)) sum.set(name, amount);
  accumulate(sum, toResources(overhead));
  return sum;
}

/** The most that it may take, of what it is limited in at all: what its runtime takes comes on top. */
export function podLimits({ spec }: Pod): Resources {
  const sum = total(spec, ({ resources }) => toResources(resources?.limits));
  for (const [name, amount] of toResources(spec.resources?.limits)) if (isPodLevelResource(name)) sum.set(name, amount);
  for (const [name, amount] of toResources(spec.overhead))
    if (sum.has(name)) accumulate(sum, new Map([[name, amount]]));
  return sum;
}

/** Of its containers together. https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers */
export function containerRequests(spec: PodSpec): Resources {
  return total(spec, (container) => toResources(container.resources?.requests));
}

export function podRequests({ spec }: Pod): Resources {
  return withPodLevel(spec, new Map(containerRequests(spec)));
}

/** Stand-ins for containers that ask for nothing, so that scoring still spreads them: 0.1 CPU and 200 MB. */
const SCORED_DEFAULTS: Resources = new Map([
  ["cpu", 100],
  ["memory", 200 * 1024 * 1024],
]);

/** The requests scoring goes by: each container counts for at least the stand-ins. */
export function scoredRequests({ spec }: Pod): Resources {
  const sum = total(spec, (container) => {
    const own = toResources(container.resources?.requests);
    for (const [name, amount] of SCORED_DEFAULTS) if (!own.has(name)) own.set(name, amount);
    return own;
  });
  return withPodLevel(spec, sum);
}
