import { type FieldError, required } from "#api/field-error.js";
import type { EphemeralVolumeSource } from "#api/generated/types.js";
import { validateLabels } from "#api/validation/labels.js";
import { validateClaimSpec } from "../persistentvolumeclaim/validate.js";

/** A claim that lives and goes with its Pod. https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes */
export function validateEphemeral(path: string, source: EphemeralVolumeSource | undefined): FieldError[] {
  const field = `${path}.volumeClaimTemplate`;
  const template = source?.volumeClaimTemplate;
  if (!template) return [required(field)];
  return [
    ...validateLabels(`${field}.metadata.labels`, template.metadata?.labels),
    ...validateClaimSpec(`${field}.spec`, template.spec),
  ];
}
