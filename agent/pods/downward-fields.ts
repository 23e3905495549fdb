/**
 * Values of the Pod and its containers that its own configuration may refer to.
 * https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
 */
import type { Container, Pod, ResourceFieldSelector } from "#api/generated/types.js";
import { quantityMilli, quantityValue } from "#api/quantity.js";

export interface PodAddresses {
  podIPs: readonly string[];
  hostIPs: readonly string[];
}

/** What the node has to give: stands in for limits that are not set. */
export interface NodeCapacity {
  milliCpu: number;
  /** Bytes. */
  memory: number;
}

/** @throws Error for a field that cannot be referred to */
export function fieldValue(pod: Pod, path: string, addresses: PodAddresses): string {
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript) {
    const values = subscript[1] === "labels" ? pod.metadata.labels : pod.metadata.annotations;
    return values?.[subscript[2] as string] ?? "";
  }
  switch (path) {
    case "metadata.name":
      return pod.metadata.name;
    case "metadata.namespace":
      return pod.metadata.namespace ?? "";
    case "metadata.uid":
      return pod.metadata.uid;
    case "spec.nodeName":
      return pod.spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return pod.spec.serviceAccountName ?? "";
    case "status.hostIP":
      return addresses.hostIPs[0] ?? "";
    case "status.hostIPs":
      return addresses.hostIPs.join(",");
    case "status.podIP":
      return addresses.podIPs[0] ?? "";
    case "status.podIPs":
      return addresses.podIPs.join(",");
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}

/** In units of the divisor, rounded up. @throws Error for an unknown resource or container */
export function resourceFieldValue(
  pod: Pod,
  own: Container,
  { containerName, resource, divisor }: ResourceFieldSelector,
  capacity: NodeCapacity,
): string {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const container = containerName ? all.find(({ name }) => name === containerName) : own;
  if (!container) throw new Error(`container ${containerName} not found`);
  const [kind = "", name = ""] = resource.split(/\.(.*)/);
  if (!/^(limits|requests)$/.test(kind)) throw new Error(`unsupported container resource : ${resource}`);
  const { limits, requests } = container.resources ?? {};
  const quantity = kind === "limits" ? limits?.[name] : (requests?.[name] ?? limits?.[name]);
  const unit = divisor && divisor !== "0" ? divisor : "1";
  if (name === "cpu") {
    const milli = quantity === undefined && kind === "limits" ? capacity.milliCpu : quantityMilli(quantity);
    return String(Math.ceil(milli / quantityMilli(unit)));
  }
  const value =
    quantity === undefined && kind === "limits" && name === "memory" ? capacity.memory : quantityValue(quantity);
  return String(Math.ceil(value / quantityValue(unit)));
}
