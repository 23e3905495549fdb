/**
 * Values of the Pod and its containers that its own configuration may refer to.
 * https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
 */
import type { Container, DownwardAPIVolumeFile, Pod, ResourceFieldSelector } from "#api/generated/types.js";
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
  /** How many Pods may run. */
  pods: number;
  /** Bytes of disk; absent: as many as are asked for. */
  storage?: number;
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
    case "metadata.labels":
      return formatMap(pod.metadata.labels);
    case "metadata.annotations":
      return formatMap(pod.metadata.annotations);
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

/** Lines of `key="value"` in order of the keys, quoted as Go does (%q). */
function formatMap(values: Readonly<Record<string, string>> = {}): string {
  const keys = Object.keys(values).sort();
  return keys.map((key) => `${key}="${quoted(values[key] ?? "")}"`).join("\n");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

function quoted(text: string): string {
  return text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (char) => {
    if (char === '"' || char === "\\") return `\\${char}`;
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x80) return ESCAPES[char] ?? `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  });
}

/** What a file of a downwardAPI volume shows. @throws Error for what cannot be referred to */
export function downwardFile(
  pod: Pod,
  { fieldRef, resourceFieldRef }: DownwardAPIVolumeFile,
  node: NodeCapacity,
): string {
  if (fieldRef) return fieldValue(pod, fieldRef.fieldPath, { podIPs: [], hostIPs: [] });
  const [own] = pod.spec.containers;
  if (resourceFieldRef && own) return resourceFieldValue(pod, own, resourceFieldRef, node);
  throw new Error("one of fieldRef and resourceFieldRef is required");
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
