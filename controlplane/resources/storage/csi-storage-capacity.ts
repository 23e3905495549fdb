import type { CSIStorageCapacity } from "#api/generated/types.js";
import { csiStorageCapacities } from "#api/refs.js";
import { validateLabelSelector } from "#api/validation/labels.js";
import { dns1123Subdomain, invalidEach } from "#api/validation/names.js";
import { nameColumn } from "../columns.js";
import { immutable } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { validateQuantity } from "../pod/validate-resources.js";

/** How much room a class of volumes has in a part of the cluster. https://kubernetes.io/docs/concepts/storage/storage-capacity/ */
export const csiStorageCapacity: Kind<CSIStorageCapacity> = {
  ...csiStorageCapacities,
  singular: "csistoragecapacity",
  schema: "CSIStorageCapacity",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    { name: "StorageClassName", type: "string", description: "The class.", value: (c) => c.storageClassName },
    {
      name: "Capacity",
      type: "string",
      description: "How much of it is left.",
      value: ({ capacity }) => capacity ?? "<unset>",
    },
  ],
  validate: ({ nodeTopology, storageClassName, capacity }) => [
    ...validateLabelSelector("nodeTopology", nodeTopology),
    ...invalidEach("storageClassName", storageClassName, dns1123Subdomain(storageClassName)),
    ...(capacity === undefined ? [] : validateQuantity("capacity", "storage", capacity)),
  ],
  validateUpdate: (object, old) => [
    ...immutable("nodeTopology", object.nodeTopology, old.nodeTopology),
    ...immutable("storageClassName", object.storageClassName, old.storageClassName),
  ],
};
