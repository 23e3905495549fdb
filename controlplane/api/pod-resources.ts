/** What Pods ask for and nodes have, as plain numbers: CPU in millicores, all else in whole units (bytes, pods). */
import type { Container, Pod } from "./generated/types.js";
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
function total(pod: Pod, requests: Requests): Map<string, number> {
  const sum = new Map<string, number>();
  for (const container of pod.spec.containers) accumulate(sum, requests(container));
  const sidecars = new Map<string, number>();
  const peak = new Map<string, number>();
  for (const container of pod.spec.initContainers ?? []) {
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
  accumulate(sum, toResources(pod.spec.overhead));
  return sum;
}

/** https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers */
export function podRequests(pod: Pod): Resources {
  return total(pod, (container) => toResources(container.resources?.requests));
}

/** Stand-ins for containers that ask for nothing, so that scoring still spreads them: 0.1 CPU and 200 MB. */
const SCORED_DEFAULTS: Resources = new Map([
  ["cpu", 100],
  ["memory", 200 * 1024 * 1024],
]);

/** The requests scoring goes by: each container counts for at least the stand-ins. */
export function scoredRequests(pod: Pod): Resources {
  return total(pod, (container) => {
    const own = toResources(container.resources?.requests);
    for (const [name, amount] of SCORED_DEFAULTS) if (!own.has(name)) own.set(name, amount);
    return own;
  });
}
