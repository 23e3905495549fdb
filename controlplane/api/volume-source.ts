import type { PersistentVolumeSpec } from "./generated/types.js";

/** Every field of a volume's spec that does not say what is behind it. */
const OTHERS: ReadonlySet<string> = new Set<keyof PersistentVolumeSpec>([
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode",
]);

/** What is behind the volume: "local", "hostPath", "csi". A valid volume has one. */
export function sourcesOf(spec: PersistentVolumeSpec): (keyof PersistentVolumeSpec)[] {
  const keys = Object.keys(spec) as (keyof PersistentVolumeSpec)[];
  return keys.filter((key) => !OTHERS.has(key) && spec[key] !== undefined);
}
