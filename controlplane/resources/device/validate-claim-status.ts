/** What became of a claim: written by whoever allocates devices and by their drivers. */
import { type FieldError, forbidden, invalid, required, tooLong } from "#api/field-error.js";
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  ResourceV1ResourceClaim as ResourceClaim,
  ResourceClaimConsumerReference,
} from "#api/generated/types.js";
import { equalJson } from "#api/json-value.js";
import { cidr } from "#api/validation/network.js";
import { driverName, immutable, oneOf } from "../field-rules.js";
import { requestNames, validateReference, validateReferences } from "./validate-claim.js";
import {
  MAX_LIST,
  requiredLabel,
  unique,
  validateConfiguration,
  validateDeviceTolerations,
  validateEach,
  validatePool,
  validateRawObject,
} from "./validate-parts.js";

const MAX_CONSUMERS = 256;
const MAX_CONDITIONS = 8;
const MAX_ADDRESSES = 16;
/** Bytes. */
const MAX_DATA = 10 * 1024;
const MAX_INTERFACE_NAME = 256;
const MAX_HARDWARE_ADDRESS = 128;

export function validateClaimStatus({ metadata, spec, status = {} }: ResourceClaim, old: ResourceClaim): FieldError[] {
  const { allocation, reservedFor = [], devices } = status;
  const before = old.status ?? {};
  const errors = [
    ...validateEach("status.reservedFor", reservedFor, MAX_CONSUMERS, validateConsumer),
    ...unique("status.reservedFor", reservedFor, ({ uid }) => uid),
    ...validateDevices(devices, allocation),
  ];
  if (reservedFor.length > 0 && !allocation)
    errors.push(forbidden("status.reservedFor", "may not be specified when `allocated` is not set"));
  const isNew = (one: ResourceClaimConsumerReference) => !before.reservedFor?.some((o) => equalJson(o, one));
  if (metadata.deletionTimestamp && reservedFor.some(isNew))
    errors.push(forbidden("status.reservedFor", "new entries may not be added while `deletionTimestamp` is set"));
  if (!allocation) return errors;
  if (before.allocation) return [...errors, ...immutable("status.allocation", allocation, before.allocation)];
  return [...errors, ...validateAllocation(allocation, requestNames(spec.devices))];
}

function validateConsumer({ resource, name, uid }: ResourceClaimConsumerReference, at: string): FieldError[] {
  return Object.entries({ resource, name, uid }).flatMap(([field, value]) =>
    value ? [] : [required(`${at}.${field}`)],
  );
}

function validateAllocation({ devices = {} }: AllocationResult, names: ReadonlySet<string>): FieldError[] {
  const path = "status.allocation.devices";
  return [
    ...validateEach(`${path}.results`, devices.results, MAX_LIST, (result, at) => [
      ...validateReference(`${at}.request`, result.request, names),
      ...validateIdentity(at, result),
      ...validateDeviceTolerations(`${at}.tolerations`, result.tolerations),
    ]),
    ...validateEach(`${path}.config`, devices.config, 2 * MAX_LIST, (config, at) => [
      ...oneOf(`${at}.source`, config.source, ["FromClaim", "FromClass"]),
      ...validateReferences(`${at}.requests`, config.requests, names),
      ...validateConfiguration(at, config.opaque),
    ]),
  ];
}

type Identity = Pick<DeviceRequestAllocationResult, "driver" | "pool" | "device" | "shareID">;

const validateIdentity = (at: string, { driver, pool, device }: Identity): FieldError[] => [
  ...driverName(`${at}.driver`, driver),
  ...validatePool(`${at}.pool`, pool),
  ...requiredLabel(`${at}.device`, device),
];

const identity = ({ driver, pool, device, shareID = "" }: Identity) => [driver, pool, device, shareID].join("|");

function validateDevices(devices: readonly AllocatedDeviceStatus[] = [], allocation?: AllocationResult): FieldError[] {
  const allocated = new Set(allocation?.devices?.results?.map(identity));
  const path = "status.devices";
  return [
    ...unique(path, devices, identity),
    ...validateEach(path, devices, devices.length, (device, at) => {
      const errors = validateIdentity(at, device);
      if (!allocated.has(identity(device)))
        errors.push(invalid(at, identity(device), "must be an allocated device in the claim"));
      return [...errors, ...validateDeviceReport(device, at)];
    }),
  ];
}

function validateDeviceReport({ conditions, data, networkData }: AllocatedDeviceStatus, at: string): FieldError[] {
  const errors = [
    ...validateEach(`${at}.conditions`, conditions, MAX_CONDITIONS, () => []),
    ...unique(`${at}.conditions`, conditions, ({ type }) => type),
  ];
  if (data !== undefined) errors.push(...validateRawObject(`${at}.data`, data, MAX_DATA));
  if (!networkData) return errors;
  const { interfaceName = "", hardwareAddress = "", ips } = networkData;
  const network = `${at}.networkData`;
  if (interfaceName.length > MAX_INTERFACE_NAME) errors.push(tooLong(`${network}.interfaceName`, MAX_INTERFACE_NAME));
  if (hardwareAddress.length > MAX_HARDWARE_ADDRESS)
    errors.push(tooLong(`${network}.hardwareAddress`, MAX_HARDWARE_ADDRESS));
  const addresses = validateEach(`${network}.ips`, ips, MAX_ADDRESSES, (ip, each) =>
    cidr(ip).map((problem) => invalid(each, ip, problem)),
  );
  return [...errors, ...addresses, ...unique(`${network}.ips`, ips, (ip) => ip)];
}
