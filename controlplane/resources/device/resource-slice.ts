import { type FieldError, invalid, required } from "#api/field-error.js";
import type { ResourcePool, ResourceSlice, ResourceSliceSpec } from "#api/generated/types.js";
import { resourceSlices } from "#api/refs.js";
import { dns1123Subdomain, invalidEach } from "#api/validation/names.js";
import { ageColumn, nameColumn } from "../columns.js";
import { driverName, immutable, nonNegative } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { validateNodeTerm } from "../pod/validate-scheduling.js";
import { validateCounters, validateDevice } from "./validate-device.js";
import { requiredLabel, unique, validateEach, validatePool } from "./validate-parts.js";

const MAX_DEVICES = 128;
/** When any of them has taints or uses counters. */
const MAX_ELABORATE_DEVICES = 64;
const MAX_COUNTER_SETS = 8;
const ONE_PLACE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

/** https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#resourceslice */
export const resourceSlice: Kind<ResourceSlice> = {
  ...resourceSlices,
  singular: "resourceslice",
  schema: "ResourceSlice",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    {
      name: "Node",
      type: "string",
      description: "The node its devices are on.",
      value: ({ spec }) => spec.nodeName ?? "<unset>",
    },
    { name: "Driver", type: "string", description: "Whose devices.", value: ({ spec }) => spec.driver },
    { name: "Pool", type: "string", description: "The pool they belong to.", value: ({ spec }) => spec.pool.name },
    ageColumn,
  ],
  selectableFields: ({ spec }) => ({ "spec.nodeName": spec.nodeName ?? "", "spec.driver": spec.driver }),
  validate: ({ spec }) => validateSlice(spec),
  validateUpdate: ({ spec }, { spec: old }) => [
    ...immutable("spec.pool.name", spec.pool.name, old.pool.name),
    ...immutable("spec.driver", spec.driver, old.driver),
    ...immutable("spec.nodeName", spec.nodeName, old.nodeName),
  ],
};

function validateSlice(spec: ResourceSliceSpec): FieldError[] {
  const { driver, pool, devices, sharedCounters, perDeviceNodeSelection = false } = spec;
  const elaborate = devices?.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length);
  const errors = [
    ...driverName("spec.driver", driver),
    ...validatePoolFields(pool),
    ...validatePlace(spec),
    ...validateEach("spec.devices", devices, elaborate ? MAX_ELABORATE_DEVICES : MAX_DEVICES, (device, at) =>
      validateDevice(device, at, perDeviceNodeSelection),
    ),
    ...unique("spec.devices", devices, ({ name }) => name),
    ...validateEach("spec.sharedCounters", sharedCounters, MAX_COUNTER_SETS, ({ name, counters }, at) => [
      ...requiredLabel(`${at}.name`, name),
      ...validateCounters(`${at}.counters`, counters),
    ]),
    ...unique("spec.sharedCounters", sharedCounters, ({ name }) => name),
  ];
  if (devices && sharedCounters)
    errors.push(invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed"));
  return errors;
}

function validatePoolFields({ name, generation, resourceSliceCount }: ResourcePool): FieldError[] {
  const errors = [...validatePool("spec.pool.name", name), ...nonNegative("spec.pool.generation", generation)];
  if (resourceSliceCount <= 0)
    errors.push(invalid("spec.pool.resourceSliceCount", resourceSliceCount, "must be greater than zero"));
  return errors;
}

/** Where the devices can be used: one way of saying it. */
function validatePlace({ nodeName, nodeSelector, allNodes, perDeviceNodeSelection }: ResourceSliceSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (nodeName === "")
    errors.push(invalid("spec.nodeName", nodeName, "must be either unset or set to a non-empty string"));
  else if (nodeName) errors.push(...invalidEach("spec.nodeName", nodeName, dns1123Subdomain(nodeName)));
  if (nodeSelector && nodeSelector.nodeSelectorTerms.length !== 1)
    errors.push(
      invalid(
        "spec.nodeSelector.nodeSelectorTerms",
        nodeSelector.nodeSelectorTerms,
        "must have exactly one node selector term",
      ),
    );
  errors.push(
    ...(nodeSelector?.nodeSelectorTerms ?? []).flatMap((term, i) =>
      validateNodeTerm(`spec.nodeSelector.nodeSelectorTerms[${i}]`, term),
    ),
  );
  for (const [field, value] of Object.entries({ allNodes, perDeviceNodeSelection }))
    if (value === false) errors.push(invalid(`spec.${field}`, value, "must be either unset or set to true"));
  const given = [nodeName, nodeSelector, allNodes, perDeviceNodeSelection].filter(Boolean).length;
  if (given === 0) errors.push(required("spec", ONE_PLACE));
  if (given > 1) errors.push(invalid("spec", "", `${ONE_PLACE}, but multiple fields are set`));
  return errors;
}
