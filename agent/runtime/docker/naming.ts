/**
 * Names of the engine's containers. They are a function of Pod, container and attempt, so that creating the same thing
 * twice collides instead of making two: a name collision is what makes create idempotent across a kill of the agent.
 * The form is the one Docker-based kubelets used: k8s_<container>_<pod>_<namespace>_<uid>_<attempt>.
 */
import type { PodIdentity } from "../runtime.js";

/** Stands in the container's place in a sandbox's name; no container can be called so (names are lower case). */
export const SANDBOX_NAME = "POD";

/** None of the parts can hold an underscore, by Kubernetes' own validation of names. */
export function containerName(pod: PodIdentity, container: string, attempt: number): string {
  return ["k8s", container, pod.name, pod.namespace, pod.uid, attempt].join("_");
}

export function sandboxName(pod: PodIdentity, attempt: number): string {
  return containerName(pod, SANDBOX_NAME, attempt);
}

export interface ParsedName {
  container: string;
  pod: PodIdentity;
  attempt: number;
}

/** @param name with or without the engine's leading slash; undefined when it is not one of ours */
export function parseContainerName(name: string): ParsedName | undefined {
  const [prefix, container, podName, namespace, uid, attempt] = name.replace(/^\//, "").split("_");
  if (prefix !== "k8s" || !container || !podName || !namespace || !uid || !/^\d+$/.test(attempt ?? ""))
    return undefined;
  return { container, pod: { name: podName, namespace, uid }, attempt: Number(attempt) };
}
