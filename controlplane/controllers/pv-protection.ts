/** A volume that is deleted stays while a claim is bound to it. */
import { withoutFinalizer } from "#api/finalizers.js";
import { persistentVolumes } from "#api/refs.js";
import { PV_PROTECTION } from "#api/storage.js";
import { type Controller, watch } from "./controller.js";

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection */
export function volumeProtectionController(): Controller {
  return {
    name: "pv-protection",
    watches: [watch({ ref: persistentVolumes })],
    async reconcile(name, { informer, client }) {
      const volume = informer(persistentVolumes).get(name);
      if (!volume?.metadata.deletionTimestamp || !volume.metadata.finalizers?.includes(PV_PROTECTION)) return undefined;
      if (volume.status?.phase !== "Bound")
        await client.patch(persistentVolumes, volume.metadata.name, {
          type: "application/merge-patch+json",
          body: withoutFinalizer(volume, PV_PROTECTION),
        });
      return undefined;
    },
  };
}
