/** Which volume a claim may have. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding */
import type { Node, PersistentVolume, PersistentVolumeClaim } from "./generated/types.js";
import { matchesTerm } from "./node-selector.js";
import { compareQuantities } from "./quantity.js";
import { matchLabelSelector } from "./selectors.js";

const sizeOf = ({ spec }: PersistentVolume) => spec.capacity?.["storage"] ?? "0";

/** Volumes without node affinity are for every node. */
export function reaches({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec.nodeAffinity?.required;
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** The volume names the claim: an administrator, or who made it, has kept it for this one. */
export function isFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const ref = spec.claimRef;
  if (ref?.name !== metadata.name || ref.namespace !== metadata.namespace) return false;
  return !ref.uid || ref.uid === metadata.uid;
}

/** Why a volume the user asked for by name cannot be had; undefined when it can. */
export function mismatch(volume: PersistentVolume, { spec }: PersistentVolumeClaim): string | undefined {
  if (compareQuantities(sizeOf(volume), spec.resources?.requests?.["storage"] ?? "0") < 0)
    return "requested PV is too small";
  if ((volume.spec.storageClassName ?? "") !== (spec.storageClassName ?? "")) return "storageClassName does not match";
  if ((volume.spec.volumeMode ?? "Filesystem") !== (spec.volumeMode ?? "Filesystem")) return "incompatible volumeMode";
  const modes = new Set(volume.spec.accessModes);
  if (!spec.accessModes?.every((mode) => modes.has(mode))) return "incompatible accessMode";
  return undefined;
}

/**
 * The smallest volume that will do; one that names the claim comes first.
 * @param node whom the volume must reach; absent: nobody in particular
 */
export function bestVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  node?: Node,
): PersistentVolume | undefined {
  const usable = volumes.filter((volume) => !volume.metadata.deletionTimestamp && !mismatch(volume, claim));
  const kept = usable.find((volume) => isFor(volume, claim));
  if (kept) return kept;
  const { selector } = claim.spec;
  const free = usable.filter(
    (volume) =>
      !volume.spec.claimRef &&
      volume.status?.phase === "Available" &&
      (!selector || matchLabelSelector(selector, volume.metadata.labels)) &&
      (!node || reaches(volume, node)),
  );
  return free.sort((a, b) => compareQuantities(sizeOf(a), sizeOf(b)))[0];
}
