import { type FieldError, invalid, required } from "#api/field-error.js";
import type { IngressBackend, IngressServiceBackend } from "#api/generated/types.js";
import { dns1035Label, dns1123Subdomain, invalidEach, pathSegmentName } from "#api/validation/names.js";
import { portName, portNumber } from "#api/validation/network.js";

interface TypedReference {
  readonly apiGroup?: string;
  readonly kind?: string;
  readonly name?: string;
}

/** A reference to an object of any kind. */
export function validateTypedReference(
  field: string,
  { apiGroup, kind, name }: TypedReference,
  rule: (value: string) => string[] = pathSegmentName,
): FieldError[] {
  const errors: FieldError[] = [];
  if (apiGroup !== undefined) errors.push(...invalidEach(`${field}.apiGroup`, apiGroup, dns1123Subdomain(apiGroup)));
  for (const [part, value] of Object.entries({ kind, name })) {
    const at = `${field}.${part}`;
    if (value) errors.push(...invalidEach(at, value, rule(value)));
    else errors.push(required(at));
  }
  return errors;
}

/** Exactly one of a service and any other resource. */
export function validateBackend(field: string, backend: IngressBackend | undefined): FieldError[] {
  const { service, resource } = backend ?? {};
  if (service && resource) return [invalid(field, "", "cannot set both resource and service backends")];
  if (resource) return validateTypedReference(`${field}.resource`, resource);
  if (service) return validateService(field, service);
  return [invalid(field, "", "resource or service backend is required")];
}

function validateService(field: string, { name, port }: IngressServiceBackend): FieldError[] {
  const errors = name
    ? invalidEach(`${field}.service.name`, name, dns1035Label(name))
    : [required(`${field}.service.name`)];
  if (port?.name && port.number) errors.push(invalid(field, "", "cannot set both port name & port number"));
  else if (port?.name) errors.push(...invalidEach(`${field}.service.port.name`, port.name, portName(port.name)));
  else if (port?.number)
    errors.push(...invalidEach(`${field}.service.port.number`, port.number, portNumber(port.number)));
  else errors.push(required(field, "port name or number is required"));
  return errors;
}
