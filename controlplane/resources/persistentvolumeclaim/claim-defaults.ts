import type { PersistentVolumeClaimSpec } from "#api/generated/types.js";

/** Also of the claims in templates. */
export function defaultClaimSpec(spec: PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= "Filesystem";
  // Each of the two names of a source is filled from the other.
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  const { dataSourceRef: ref } = spec;
  if (ref && !ref.namespace && !spec.dataSource) spec.dataSource = { ...ref };
}
