/** How a pod's containers reach the API: a token of the pod's service account, the cluster's authority, the namespace. */
import { generateName } from "#api/generate-name.js";
import type { Container, Pod, ServiceAccount, Volume } from "#api/generated/types.js";

/** Where client libraries look. */
const MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The ConfigMap with the cluster's authority that every namespace has. */
const ROOT_CA_CONFIG_MAP = "kube-root-ca.crt";
const FILE_MODE = 0o644;
/** Not a round number: such tokens can be told from those that somebody asked for. */
const TOKEN_SECONDS = 3607;

/**
 * Adds the volume and mounts it into every container that has nothing of its own there. Whether it is wanted says the pod,
 * else its account.
 * https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#opt-out-of-api-credential-automounting
 */
export function mountApiAccess({ spec }: Pod, account: ServiceAccount): void {
  if ((spec.automountServiceAccountToken ?? account.automountServiceAccountToken) === false) return;
  const lacking = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].filter(
    (container) => !hasOwn(container),
  );
  if (lacking.length === 0) return;
  const volume = apiAccessVolume();
  spec.volumes = [...(spec.volumes ?? []), volume];
  for (const container of lacking) {
    const mount = { name: volume.name, readOnly: true, mountPath: MOUNT_PATH };
    container.volumeMounts = [...(container.volumeMounts ?? []), mount];
  }
}

function hasOwn({ volumeMounts }: Container): boolean {
  return volumeMounts?.some(({ mountPath }) => mountPath === MOUNT_PATH) ?? false;
}

function apiAccessVolume(): Volume {
  const namespace = { path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } };
  return {
    name: generateName("kube-api-access-"),
    projected: {
      defaultMode: FILE_MODE,
      sources: [
        { serviceAccountToken: { path: "token", expirationSeconds: TOKEN_SECONDS } },
        { configMap: { name: ROOT_CA_CONFIG_MAP, items: [{ key: "ca.crt", path: "ca.crt" }] } },
        { downwardAPI: { items: [namespace] } },
      ],
    },
  };
}
