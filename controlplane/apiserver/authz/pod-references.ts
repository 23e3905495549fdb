/** What a Pod needs to read: the objects its node may see for its sake. Worked out once per version of a Pod. */
import type { Pod } from "#api/generated/types.js";
import { claimsOf } from "#api/pod-claims.js";
import { pods } from "#api/refs.js";
import type { ClusterReader } from "../cluster-reader.js";

export type ReferencedPlural = "secrets" | "configmaps" | "serviceaccounts" | "persistentvolumeclaims";

const known = new WeakMap<Pod, ReadonlySet<string>>();

/** True when a Pod bound to the node uses the named object of its namespace. */
export function isReferenced(
  reader: ClusterReader,
  nodeName: string,
  plural: ReferencedPlural,
  namespace: string,
  name: string,
): boolean {
  const wanted = `${plural}/${name}`;
  return reader.list(pods, namespace).some((pod) => pod.spec.nodeName === nodeName && referencesOf(pod).has(wanted));
}

function referencesOf(pod: Pod): ReadonlySet<string> {
  let references = known.get(pod);
  if (!references) {
    references = collect(pod);
    known.set(pod, references);
  }
  return references;
}

function collect(pod: Pod): Set<string> {
  const found = new Set<string>();
  const add = (plural: ReferencedPlural, name: string | undefined) => name && found.add(`${plural}/${name}`);
  const { spec } = pod;
  add("serviceaccounts", spec.serviceAccountName);
  for (const secret of spec.imagePullSecrets ?? []) add("secrets", secret.name);
  for (const { claim } of claimsOf(pod)) add("persistentvolumeclaims", claim);
  for (const volume of spec.volumes ?? []) {
    add("secrets", volume.secret?.secretName);
    add("configmaps", volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) {
      add("secrets", source.secret?.name);
      add("configmaps", source.configMap?.name);
    }
  }
  for (const container of [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]) {
    for (const source of container.envFrom ?? []) {
      add("secrets", source.secretRef?.name);
      add("configmaps", source.configMapRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      add("secrets", valueFrom?.secretKeyRef?.name);
      add("configmaps", valueFrom?.configMapKeyRef?.name);
    }
  }
  return found;
}
