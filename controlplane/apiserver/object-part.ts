/** The status subresource: only `status` is taken from what the client sends. */
import type { FieldError } from "#api/field-error.js";
import type { KubeObject } from "#api/object.js";
import type { Kind, StatusSubresource } from "#resources/kind.js";

export interface StatusOwner {
  /** The new state: `current` (a copy) with the client's status. */
  merge(sent: KubeObject, current: KubeObject): KubeObject;
  validate(object: KubeObject, old: KubeObject): FieldError[];
}

type WithStatus = KubeObject & { status?: unknown };

export function statusOwner(kind: Kind): StatusOwner {
  const own: StatusSubresource<KubeObject> =
    kind.subresources?.status === true ? {} : (kind.subresources?.status ?? {});
  return {
    merge(sent, current) {
      const { managedFields, labels, annotations } = sent.metadata;
      const merged: WithStatus = { ...current, status: (sent as WithStatus).status };
      if (managedFields) merged.metadata = { ...current.metadata, managedFields };
      if (own.withMetadata) merged.metadata = { ...merged.metadata, labels, annotations };
      return merged;
    },
    validate(object, old) {
      own.prepare?.(object, old);
      return own.validate?.(object, old) ?? [];
    },
  };
}
