/** A claim that is deleted stays until no Pod uses it. */

import { withoutFinalizer } from "#api/finalizers.js";
import type { Pod } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { claimsOf } from "#api/pod-claims.js";
import { isPodTerminal } from "#api/pod-state.js";
import { persistentVolumeClaims, pods } from "#api/refs.js";
import { PVC_PROTECTION } from "#api/storage.js";
import { type Controller, watch } from "./controller.js";

const claimKeys = (pod: Pod) => claimsOf(pod).map(({ claim }) => `${pod.metadata.namespace}/${claim}`);

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection */
export function claimProtectionController(): Controller {
  return {
    name: "pvc-protection",
    watches: [
      watch({
        ref: persistentVolumeClaims,
        keys: (claim) => (claim.metadata.deletionTimestamp ? [keyOf(claim)] : []),
      }),
      watch({ ref: pods, keys: claimKeys, indexes: { claim: claimKeys } }),
    ],
    async reconcile(key, { informer, client }) {
      const claim = informer(persistentVolumeClaims).get(key);
      if (!claim?.metadata.deletionTimestamp || !claim.metadata.finalizers?.includes(PVC_PROTECTION)) return undefined;
      // A Pod without a node does not hold it: it would wait for a claim that is going.
      const uses = (pod: Pod) => Boolean(pod.spec.nodeName) && !isPodTerminal(pod);
      if (informer(pods).byIndex("claim", key).some(uses)) return undefined;
      // The watch may be behind: a Pod that was bound a moment ago counts.
      const { items } = await client.list(pods, { namespace: claim.metadata.namespace });
      if (items.some((pod) => uses(pod) && claimKeys(pod).includes(key))) return undefined;
      await client.patch(
        persistentVolumeClaims,
        claim.metadata.name,
        { type: "application/merge-patch+json", body: withoutFinalizer(claim, PVC_PROTECTION) },
        { namespace: claim.metadata.namespace },
      );
      return undefined;
    },
  };
}
