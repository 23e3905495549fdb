import type { PersistentVolumeClaim } from "#api/generated/types.js";
import { compareQuantities } from "#api/quantity.js";
import { persistentVolumeClaims, storageClasses } from "#api/refs.js";
import { forbiddenError } from "#api/status-error.js";
import { PVC_PROTECTION } from "#api/storage.js";
import { newestDefault } from "../default-class.js";
import type { AdmissionContext } from "../kind.js";
import { rangesFor, refuseClaimOutOfRange } from "../pod/limit-ranges.js";
import { isDefaultClass } from "../storage/storage-class.js";

/** What the documented admission plugins do: protection, the default class, and growth only where the class has it. */
export function admitClaim(
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim | undefined,
  context: AdmissionContext,
): void {
  if (!context.subresource) refuseClaimOutOfRange(claim, rangesFor(claim, context));
  if (old) {
    refuseGrowth(claim, old, context);
    return;
  }
  const { metadata, spec } = claim;
  if (!metadata.finalizers?.includes(PVC_PROTECTION))
    metadata.finalizers = [...(metadata.finalizers ?? []), PVC_PROTECTION];
  spec.storageClassName ??= newestDefault(context.list(storageClasses), isDefaultClass);
  if (spec.storageClassName === undefined) delete spec.storageClassName;
}

function refuseGrowth(
  { metadata, spec, status }: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
  context: AdmissionContext,
) {
  const size = (from: PersistentVolumeClaim["spec"]) => from.resources?.requests?.["storage"] ?? "0";
  if (context.subresource || status?.phase !== "Bound" || compareQuantities(size(spec), size(old.spec)) <= 0) return;
  const { storageClassName } = spec;
  const found = storageClassName ? context.get(storageClasses, storageClassName) : undefined;
  if (found?.allowVolumeExpansion) return;
  const why =
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
  throw forbiddenError(persistentVolumeClaims, metadata.name, why);
}
