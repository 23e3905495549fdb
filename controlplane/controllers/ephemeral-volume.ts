/** Makes the claims that generic ephemeral volumes of Pods stand for; the garbage collector takes them with their Pod. */
import type { Pod } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { isPodTerminal } from "#api/pod-state.js";
import { persistentVolumeClaims, pods } from "#api/refs.js";
import { isAlreadyExists } from "#api/status-error.js";
import { ephemeralClaimName } from "#api/storage.js";
import { type Controller, watch } from "./controller.js";
import { controllerOf, controllerReference } from "./ownership/owner-reference.js";

/** https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes */
export function ephemeralVolumeController(): Controller {
  return {
    name: "ephemeral-volume",
    component: "ephemeral_volume",
    watches: [
      watch({ ref: pods, keys: (pod) => (hasAny(pod) ? [keyOf(pod)] : []) }),
      watch({ ref: persistentVolumeClaims, keys: () => [] }),
    ],
    async reconcile(key, { informer, client, event }) {
      const pod = informer(pods).get(key);
      if (!pod || pod.metadata.deletionTimestamp || isPodTerminal(pod)) return undefined;
      const { namespace } = pod.metadata;
      for (const { name: volume, ephemeral } of pod.spec.volumes ?? []) {
        const template = ephemeral?.volumeClaimTemplate;
        if (!template) continue;
        const name = ephemeralClaimName(pod.metadata.name, volume);
        const { labels, annotations } = template.metadata ?? {};
        const ownerReferences = [controllerReference(pods, pod)];
        const found = informer(persistentVolumeClaims).get(`${namespace}/${name}`);
        if (found && controllerOf(found)?.uid !== pod.metadata.uid)
          event(
            pod,
            "Warning",
            "FailedBinding",
            `PVC ${namespace}/${name} was not created for pod ${key} (pod is not owner)`,
          );
        if (found) continue;
        try {
          const metadata = { name, namespace, labels, annotations, ownerReferences };
          await client.create(persistentVolumeClaims, { metadata, spec: template.spec });
        } catch (error) {
          if (!isAlreadyExists(error)) throw error;
        }
      }
      return undefined;
    },
  };
}

const hasAny = ({ spec }: Pod) => spec.volumes?.some(({ ephemeral }) => ephemeral) ?? false;
