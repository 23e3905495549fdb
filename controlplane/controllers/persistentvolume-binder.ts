/**
 * Brings claims and volumes together, and sees to volumes whose claim is gone.
 * https://kubernetes.io/docs/concepts/storage/persistent-volumes/#lifecycle-of-a-volume-and-claim
 */
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { persistentVolumeClaims, persistentVolumes, storageClasses } from "#api/refs.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { syncClaim } from "./persistentvolume-binder/claim.js";
import { syncVolume } from "./persistentvolume-binder/volume.js";

const claimKey = (key: string) => `claim:${key}`;
const volumeKey = (name: string) => `volume:${name}`;

export function persistentVolumeBinder(): Controller {
  return {
    name: "persistentvolume-binder",
    component: "persistentvolume-controller",
    // Decisions follow one another: two claims do not reach for one volume.
    workers: 1,
    watches: [
      watch({ ref: persistentVolumeClaims, keys: ofClaim }),
      watch({ ref: persistentVolumes, keys: ofVolume }),
      watch({ ref: storageClasses, keys: ({ metadata }, context) => waiting(metadata.name, context) }),
    ],
    async reconcile(key, context) {
      const [kind, name = ""] = key.split(/:(.*)/s);
      if (kind === "volume") await syncVolume(name, context);
      else await syncClaim(name, context);
      return undefined;
    },
  };
}

function ofClaim(claim: PersistentVolumeClaim, context: ControllerContext, old?: unknown, deleted?: boolean): string[] {
  const { volumeName } = claim.spec;
  const keys = deleted ? [] : [claimKey(keyOf(claim))];
  if (volumeName) keys.push(volumeKey(volumeName));
  // A volume may have been kept for it that it does not know of.
  else if (!old) keys.push(...volumesOf(claim, context).map(({ metadata }) => volumeKey(metadata.name)));
  return keys;
}

function volumesOf({ metadata }: PersistentVolumeClaim, { informer }: ControllerContext): PersistentVolume[] {
  const isIts = ({ spec }: PersistentVolume) =>
    spec.claimRef?.name === metadata.name && spec.claimRef.namespace === metadata.namespace;
  return informer(persistentVolumes).list().filter(isIts);
}

function ofVolume(volume: PersistentVolume, context: ControllerContext, _old?: unknown, deleted?: boolean): string[] {
  const { claimRef, storageClassName } = volume.spec;
  const keys = deleted ? [] : [volumeKey(volume.metadata.name)];
  if (claimRef) keys.push(claimKey(`${claimRef.namespace}/${claimRef.name}`));
  else if (!deleted) keys.push(...waiting(storageClassName ?? "", context));
  // Who asked for it by name, before it was there or now that it is gone.
  const asked = context.informer(persistentVolumeClaims).list();
  for (const claim of asked) if (claim.spec.volumeName === volume.metadata.name) keys.push(claimKey(keyOf(claim)));
  return [...new Set(keys)];
}

/** Claims of the class that have no volume yet. */
function waiting(className: StorageClass["metadata"]["name"], { informer }: ControllerContext): string[] {
  return informer(persistentVolumeClaims)
    .list()
    .filter(({ spec }) => !spec.volumeName && (spec.storageClassName ?? "") === className)
    .map((claim) => claimKey(keyOf(claim)));
}
