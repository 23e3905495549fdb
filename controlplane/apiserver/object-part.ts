/** Subresources that are the object itself, of which only a part is taken from what the client sends. */
import type { FieldError } from "#api/field-error.js";
import type { KubeObject } from "#api/object.js";
import type { Kind, PartSubresource, StatusSubresource } from "#resources/kind.js";

export interface PartOwner {
  /** The new state: `current` (a copy) with the client's part. */
  merge(sent: KubeObject, current: KubeObject): KubeObject;
  validate(object: KubeObject, old: KubeObject): FieldError[];
}

type WithStatus = KubeObject & { status?: unknown };

/** Undefined: the request is for the object as a whole. */
export function partOwner(kind: Kind, subresource: string | undefined): PartOwner | undefined {
  if (subresource === "status") return statusOwner(kind);
  const part = subresource === undefined ? undefined : kind.subresources?.parts?.[subresource];
  return part && ownerOf(part);
}

function ownerOf(part: PartSubresource<KubeObject>): PartOwner {
  return {
    merge(sent, current) {
      part.take(current, sent);
      return withManagers(current, sent);
    },
    validate: (object, old) => part.validate(object, old),
  };
}

function withManagers(object: KubeObject, { metadata: { managedFields } }: KubeObject): KubeObject {
  return managedFields ? { ...object, metadata: { ...object.metadata, managedFields } } : object;
}

function statusOwner(kind: Kind): PartOwner {
  const own: StatusSubresource<KubeObject> =
    kind.subresources?.status === true ? {} : (kind.subresources?.status ?? {});
  return {
    merge(sent, current) {
      const { labels, annotations } = sent.metadata;
      const merged: WithStatus = withManagers({ ...current, status: (sent as WithStatus).status } as WithStatus, sent);
      if (own.withMetadata) merged.metadata = { ...merged.metadata, labels, annotations };
      return merged;
    },
    validate(object, old) {
      own.prepare?.(object, old);
      return own.validate?.(object, old) ?? [];
    },
  };
}
