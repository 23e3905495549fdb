/** What only a node says: that a Pod shows one of its own. https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/ */
import { type FieldError, forbidden, invalid } from "#api/field-error.js";
import type { Pod } from "#api/generated/types.js";
import { MIRROR } from "#api/pod-state.js";

const FIELD = `metadata.annotations[${MIRROR}]`;

const mirrored = ({ metadata }: Pod): string | undefined => metadata.annotations?.[MIRROR];

export function validateMirror(pod: Pod): FieldError[] {
  const value = mirrored(pod);
  if (value === undefined || pod.spec.nodeName) return [];
  return [invalid(FIELD, value, "must set spec.nodeName if mirror pod annotation is set")];
}

export function validateMirrorUpdate(pod: Pod, old: Pod): FieldError[] {
  if (mirrored(pod) === mirrored(old)) return [];
  const text =
    mirrored(old) === undefined
      ? "may not add mirror pod annotation"
      : "may not remove or update mirror pod annotation";
  return [forbidden(FIELD, text)];
}
