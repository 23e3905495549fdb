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
  // One that was there before the range stays, and may be bound and let go.
  if (!old || sizeOf(claim) !== sizeOf(old)) refuseClaimOutOfRange(claim, rangesFor(claim, context));
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

const sizeOf = ({ spec }: PersistentVolumeClaim) => spec.resources?.requests?.["storage"] ?? "0";

function refuseGrowth(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, context: AdmissionContext) {
  const { metadata, spec, status } = claim;
  if (context.subresource || status?.phase !== "Bound" || compareQuantities(sizeOf(claim), sizeOf(old)) <= 0) return;
  const { storageClassName } = spec;
  const found = storageClassName ? context.get(storageClasses, storageClassName) : undefined;
  if (found?.allowVolumeExpansion) return;
  const why =
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
  throw forbiddenError(persistentVolumeClaims, metadata.name, why);
}
