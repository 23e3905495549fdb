/** Reads a Pod from a file of the node's own. https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/ */
import { createHash } from "node:crypto";
import type { Container, Pod } from "#api/generated/types.js";

export const SOURCE = "kubernetes.io/config.source";
export const HASH = "kubernetes.io/config.hash";

/** It came from a file: a Pod of the API that says so has a resource version. */
export const isStatic = ({ metadata }: Pod): boolean =>
  metadata.annotations?.[SOURCE] === "file" && metadata.resourceVersion === "";

/**
 * The Pod of one manifest, named after the node as well, with a uid that changes with its content: a changed file is
 * another Pod. What needs the API is refused by name, since the Pod has to run without.
 * @throws Error that says what is wrong with the file
 */
export async function staticPod(text: string, file: string, nodeName: string): Promise<Pod> {
  // Loaded when there is something to read: few nodes have static Pods.
  const { parseAllDocuments } = await import("yaml");
  const documents = parseAllDocuments(text).filter(({ contents }) => contents !== null);
  const [document] = documents;
  if (!document || documents.length > 1)
    throw new Error(`${file}: expected one Pod, found ${documents.length} objects`);
  if (document.errors.length > 0) throw new Error(`${file}: ${document.errors[0]?.message}`);
  const pod = document.toJS() as Pod;
  if (pod.apiVersion !== "v1" || pod.kind !== "Pod") throw new Error(`${file}: is no v1 Pod but a ${pod.kind}`);
  if (!pod.metadata?.name || !pod.spec?.containers?.length) throw new Error(`${file}: has no name or no containers`);
  const needs = needsOfApi(pod);
  if (needs.length > 0) throw new Error(`${file}: a static Pod cannot use ${needs.join(", ")}`);
  const hash = createHash("sha256").update(`${nodeName}\0${file}\0${text}`).digest("hex").slice(0, 32);
  const annotations = { ...pod.metadata.annotations, [SOURCE]: "file", [HASH]: hash };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      name: `${pod.metadata.name}-${nodeName}`,
      namespace: pod.metadata.namespace || "default",
      uid: hash,
      annotations,
      creationTimestamp: "",
      resourceVersion: "",
    },
    spec: { ...withDefaults(pod), nodeName },
  };
}

/** What runs here is not for taints to evict, and has no account whose token it could use. */
function withDefaults({ spec }: Pod): Pod["spec"] {
  const toleration = { operator: "Exists", effect: "NoExecute" };
  return {
    ...spec,
    restartPolicy: spec.restartPolicy ?? "Always",
    enableServiceLinks: spec.enableServiceLinks ?? true,
    automountServiceAccountToken: false,
    tolerations: [...(spec.tolerations ?? []), toleration],
  };
}

function needsOfApi({ spec }: Pod): string[] {
  const needs: string[] = [];
  if (spec.serviceAccountName) needs.push("spec.serviceAccountName");
  if (spec.imagePullSecrets?.length) needs.push("spec.imagePullSecrets");
  if (spec.runtimeClassName) needs.push("spec.runtimeClassName");
  if (spec.ephemeralContainers?.length) needs.push("spec.ephemeralContainers");
  if (spec.resourceClaims?.length) needs.push("spec.resourceClaims");
  for (const volume of spec.volumes ?? [])
    for (const source of ["configMap", "secret", "projected", "persistentVolumeClaim", "ephemeral"] as const)
      if (volume[source]) needs.push(`volume ${volume.name} of type ${source}`);
  const containers: Container[] = [...spec.containers, ...(spec.initContainers ?? [])];
  for (const { name, env = [], envFrom = [] } of containers) {
    const fromApi = env.some(({ valueFrom }) => valueFrom?.configMapKeyRef || valueFrom?.secretKeyRef);
    if (envFrom.length > 0 || fromApi) needs.push(`ConfigMaps or Secrets in the environment of ${name}`);
  }
  return needs;
}
