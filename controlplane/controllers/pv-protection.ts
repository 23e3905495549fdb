/** A volume that is deleted stays while a claim is bound to it. */
import { persistentVolumes } from "#api/refs.js";
import { PV_PROTECTION } from "#api/storage.js";
import { type Controller, watch } from "./controller.js";
import { withoutFinalizer } from "./ownership/finalizer.js";

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection */
export function volumeProtectionController(): Controller {
  return {
    name: "pv-protection",
    watches: [watch({ ref: persistentVolumes })],
    async reconcile(name, { informer, client }) {
      const volume = informer(persistentVolumes).get(name);
      if (!volume?.metadata.deletionTimestamp || !volume.metadata.finalizers?.includes(PV_PROTECTION)) return undefined;
      if (volume.status?.phase !== "Bound")
        await client.update(persistentVolumes, withoutFinalizer(volume, PV_PROTECTION));
      return undefined;
    },
  };
}
