import { managedFieldsAfterUpdate } from "#api/managed-fields.js";
import type { KubeObject } from "#api/object.js";
import { groupVersion } from "#api/resource.js";
import type { Write } from "./prepare-write.js";

/** The subresources whose writes leave their own entries; others (binding) are not recorded, as upstream. */
const TRACKED = new Set([undefined, "status", "scale", "resize", "ephemeralcontainers"]);

/** Records in metadata.managedFields what this write has set. @param time RFC 3339 */
export function trackFields(object: KubeObject, old: KubeObject | undefined, write: Write, time: string): void {
  const { kind, subresource, fieldManager } = write;
  if (!TRACKED.has(subresource)) return;
  const entries =
    write.managedFields ??
    managedFieldsAfterUpdate({
      schema: kind.schema,
      old,
      next: object,
      manager: fieldManager,
      apiVersion: groupVersion(kind),
      subresource,
      time,
      ignored: subresource === undefined && kind.subresources?.status ? STATUS : undefined,
    });
  if (entries?.length) object.metadata.managedFields = [...entries];
  else delete object.metadata.managedFields;
}

const STATUS = ["status"];
