/** Labels on the engine's containers: what the agent rebuilds its state from after a restart. */
import type { PodIdentity } from "../runtime.js";

export const POD_NAME = "io.kubernetes.pod.name";
export const POD_NAMESPACE = "io.kubernetes.pod.namespace";
export const POD_UID = "io.kubernetes.pod.uid";
export const CONTAINER_NAME = "io.kubernetes.container.name";
export const SANDBOX_ID = "io.kubernetes.sandbox.id";
export const TYPE = "io.kubernetes.docker.type";
export const TYPE_SANDBOX = "podsandbox";
export const TYPE_CONTAINER = "container";
/** Never started: an image is read through it. */
export const TYPE_EXPORT = "export";
/** Which agent the container belongs to: several agents may share an engine. */
export const NODE = "io.berth.node";
/** The image as the Pod names it. */
export const IMAGE_REF = "io.berth.image-ref";
/** Annotations are kept as labels under this prefix. */
export const ANNOTATION_PREFIX = "annotation.";

export function podLabels(node: string, pod: PodIdentity): Record<string, string> {
  return { [NODE]: node, [POD_NAME]: pod.name, [POD_NAMESPACE]: pod.namespace, [POD_UID]: pod.uid };
}

export function podOfLabels(labels: Readonly<Record<string, string>>): PodIdentity {
  return { name: labels[POD_NAME] ?? "", namespace: labels[POD_NAMESPACE] ?? "", uid: labels[POD_UID] ?? "" };
}

export function withPrefix(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [prefix + key, value]));
}

export function withoutPrefix(prefix: string, labels: Readonly<Record<string, string>>): Record<string, string> {
  const found = Object.entries(labels).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(found.map(([key, value]) => [key.slice(prefix.length), value]));
}

/** A label filter for the engine's list and event calls. */
export function labelFilter(labels: Readonly<Record<string, string>>): { label: string[] } {
  return { label: Object.entries(labels).map(([key, value]) => `${key}=${value}`) };
}
