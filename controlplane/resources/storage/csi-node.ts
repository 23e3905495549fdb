import { duplicate, type FieldError, invalid, required } from "#api/field-error.js";
import type { CSINode, CSINodeDriver } from "#api/generated/types.js";
import { csiNodes } from "#api/refs.js";
import { invalidEach, qualifiedName } from "#api/validation/names.js";
import { ageColumn, nameColumn } from "../columns.js";
import { driverName, immutable, nonNegative } from "../field-rules.js";
import type { Kind } from "../kind.js";

const MAX_NODE_ID = 256;

/** Which drivers run on the node of the same name. https://kubernetes-csi.github.io/docs/csi-node-object.html */
export const csiNode: Kind<CSINode> = {
  ...csiNodes,
  singular: "csinode",
  schema: "CSINode",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    {
      name: "Drivers",
      type: "integer",
      description: "How many drivers are registered on the node.",
      value: ({ spec }) => spec.drivers.length,
    },
    ageColumn,
  ],
  validate: ({ spec }) =>
    spec.drivers.flatMap((driver, i) => {
      const at = `spec.drivers[${i}]`;
      const isSecond = spec.drivers.findIndex(({ name }) => name === driver.name) < i;
      return [...validateDriver(at, driver), ...(isSecond ? [duplicate(`${at}.name`, driver.name)] : [])];
    }),
  validateUpdate: ({ spec }, old) =>
    old.spec.drivers.flatMap((before) =>
      spec.drivers
        .filter(({ name }) => name === before.name)
        .flatMap((driver) => immutable("spec.drivers", identity(driver), identity(before))),
    ),
};

function validateDriver(at: string, { name, nodeID, allocatable, topologyKeys = [] }: CSINodeDriver): FieldError[] {
  const errors = [
    ...driverName(`${at}.name`, name),
    ...(nodeID ? [] : [required(`${at}.nodeID`)]),
    ...nonNegative(`${at}.allocatable.count`, allocatable?.count),
  ];
  if (Buffer.byteLength(nodeID) > MAX_NODE_ID)
    errors.push(invalid(`${at}.nodeID`, nodeID, `must be ${MAX_NODE_ID} characters or less`));
  topologyKeys.forEach((key, i) => {
    if (topologyKeys.indexOf(key) < i) errors.push(duplicate(at, key));
    errors.push(...(key ? invalidEach(at, key, qualifiedName(key)) : [required(at)]));
  });
  return errors;
}

/** All but how many volumes fit, which the driver may find to be otherwise. */
const identity = ({ allocatable: _, ...rest }: CSINodeDriver) => rest;
