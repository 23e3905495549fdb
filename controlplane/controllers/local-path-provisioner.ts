/**
 * Makes volumes out of folders of the nodes' own disks, so that a claim works on any cluster. The node of the claim's first Pod
 * keeps the data; its agent makes the folder with the first mount and removes it after the volume (agent/storage).
 */

import { withoutFinalizer } from "#api/finalizers.js";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from "#api/refs.js";
import { isAlreadyExists } from "#api/status-error.js";
import { LOCAL_DATA, LOCAL_NODE, LOCAL_PROVISIONER, SELECTED_NODE, STORAGE_PROVISIONER } from "#api/storage.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { localVolume, refusal } from "./local-path-provisioner/volume.js";

export function localPathProvisioner(): Controller {
  return {
    name: "local-path-provisioner",
    component: LOCAL_PROVISIONER,
    watches: [
      watch({ ref: persistentVolumeClaims, keys: (claim) => (isOurs(claim) ? [`claim:${keyOf(claim)}`] : []) }),
      watch({ ref: persistentVolumes, keys: (volume) => volumeKeys(volume) }),
      watch({
        ref: nodes,
        keys: ({ metadata }, { informer }, _old, deleted) =>
          deleted
            ? informer(persistentVolumes)
                .list()
                .filter((volume) => volume.metadata.labels?.[LOCAL_NODE] === metadata.name)
                .flatMap(volumeKeys)
            : [],
      }),
      watch({ ref: storageClasses, keys: () => [] }),
    ],
    async reconcile(key, context) {
      const [kind, name = ""] = key.split(/:(.*)/s);
      if (kind === "claim") await provision(name, context);
      else await forgetLost(name, context);
      return undefined;
    },
  };
}

function isOurs({ metadata, spec }: PersistentVolumeClaim): boolean {
  const asks = metadata.annotations?.[STORAGE_PROVISIONER] === LOCAL_PROVISIONER;
  return asks && !spec.volumeName && !metadata.deletionTimestamp;
}

const volumeKeys = ({ metadata }: PersistentVolume) =>
  metadata.deletionTimestamp && metadata.finalizers?.includes(LOCAL_DATA) ? [`volume:${metadata.name}`] : [];

async function provision(key: string, context: ControllerContext): Promise<void> {
  const { informer, client, event } = context;
  const claim = informer(persistentVolumeClaims).get(key);
  if (!claim || !isOurs(claim)) return;
  const storageClass = informer(storageClasses).get(claim.spec.storageClassName ?? "");
  const node = informer(nodes).get(claim.metadata.annotations?.[SELECTED_NODE] ?? "");
  const problem = refusal(claim, node);
  if (problem !== undefined) event(claim, "Warning", "ProvisioningFailed", problem);
  if (problem !== undefined || !node || !storageClass) return;
  const volume = localVolume(claim, storageClass, node);
  try {
    await client.create(persistentVolumes, volume);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return;
  }
  event(claim, "Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${volume.metadata?.name}`);
}

/** With the node the data is gone, and nobody is left to say so. */
async function forgetLost(name: string, { informer, client }: ControllerContext): Promise<void> {
  const volume = informer(persistentVolumes).get(name);
  const node = volume?.metadata.labels?.[LOCAL_NODE];
  if (!volume || !node || volumeKeys(volume).length === 0 || informer(nodes).get(node)) return;
  await client.patch(persistentVolumes, volume.metadata.name, {
    type: "application/merge-patch+json",
    body: withoutFinalizer(volume, LOCAL_DATA),
  });
}
