import { isIPv4, isIPv6 } from "node:net";
import { duplicate, type FieldError, invalid, required, tooMany } from "#api/field-error.js";
import type { DiscoveryV1EndpointPort, Endpoint, EndpointSlice } from "#api/generated/types.js";
import { dns1123Label, dns1123Subdomain, invalidEach, qualifiedName } from "#api/validation/names.js";
import { portNumber } from "#api/validation/network.js";
import { oneOf } from "../field-rules.js";
import { validateEndpointIP } from "./address.js";

const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;

function validateAddress(field: string, address: string, type: string): FieldError[] {
  if (type === "FQDN") return invalidEach(field, address, dns1123Subdomain(address));
  const fits = type === "IPv4" ? isIPv4(address) : isIPv6(address);
  return fits ? validateEndpointIP(field, address) : [invalid(field, address, `must be an ${type} address`)];
}

function validateEndpoint(path: string, endpoint: Endpoint, type: string): FieldError[] {
  const errors: FieldError[] = [];
  const { addresses = [], hostname, nodeName } = endpoint;
  const field = `${path}.addresses`;
  if (addresses.length === 0) errors.push(required(field, "must contain at least 1 address"));
  else if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(field, addresses.length, MAX_ADDRESSES));
  addresses.forEach((address, i) => {
    errors.push(...validateAddress(`${field}[${i}]`, address, type));
  });
  if (nodeName !== undefined) errors.push(...invalidEach(`${path}.nodeName`, nodeName, dns1123Subdomain(nodeName)));
  if (hostname !== undefined) errors.push(...invalidEach(`${path}.hostname`, hostname, dns1123Label(hostname)));
  return errors;
}

function validatePort(path: string, port: DiscoveryV1EndpointPort, names: Set<string>): FieldError[] {
  const name = port.name ?? "";
  const errors = name ? invalidEach(`${path}.name`, name, dns1123Label(name)) : [];
  if (names.has(name)) errors.push(duplicate(`${path}.name`, name));
  names.add(name);
  errors.push(...oneOf(`${path}.protocol`, port.protocol, ["SCTP", "TCP", "UDP"]));
  if (port.port !== undefined) errors.push(...invalidEach(`${path}.port`, port.port, portNumber(port.port)));
  if (port.appProtocol !== undefined)
    errors.push(...invalidEach(`${path}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol)));
  return errors;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/ */
export function validateEndpointSlice(slice: EndpointSlice): FieldError[] {
  const { endpoints = [], ports = [], addressType } = slice;
  const errors = oneOf("addressType", addressType, ["FQDN", "IPv4", "IPv6"]);
  if (endpoints.length > MAX_ENDPOINTS) return [...errors, tooMany("endpoints", endpoints.length, MAX_ENDPOINTS)];
  if (errors.length === 0)
    endpoints.forEach((endpoint, i) => {
      errors.push(...validateEndpoint(`endpoints[${i}]`, endpoint, addressType));
    });
  if (ports.length > MAX_PORTS) return [...errors, tooMany("ports", ports.length, MAX_PORTS)];
  const names = new Set<string>();
  return [...errors, ...ports.flatMap((port, i) => validatePort(`ports[${i}]`, port, names))];
}
