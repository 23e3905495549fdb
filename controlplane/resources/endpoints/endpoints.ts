import { type FieldError, required } from "#api/field-error.js";
import type { CoreV1EndpointPort, EndpointAddress, EndpointSubset, Endpoints } from "#api/generated/types.js";
import { endpoints as ref } from "#api/refs.js";
import { dns1123Label, dns1123Subdomain, invalidEach } from "#api/validation/names.js";
import { portNumber } from "#api/validation/network.js";
import { ageColumn, formatList, nameColumn } from "../columns.js";
import { oneOf } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { validateEndpointIP } from "./address.js";

const hostPort = (ip: string, port: number) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);

function targets({ addresses = [], ports = [] }: EndpointSubset): string[] {
  if (ports.length === 0) return addresses.map(({ ip }) => ip);
  return ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip, port)));
}

/** https://kubernetes.io/docs/concepts/services-networking/service/#endpoints */
export const endpoints: Kind<Endpoints> = {
  ...ref,
  singular: "endpoints",
  shortNames: ["ep"],
  schema: "Endpoints",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    {
      name: "Endpoints",
      type: "string",
      description: "Addresses and ports that serve.",
      value: ({ subsets = [] }) => formatList(subsets.flatMap(targets), 3, "<none>"),
    },
    ageColumn,
  ],
  defaults({ subsets = [] }) {
    for (const subset of subsets) for (const port of subset.ports ?? []) port.protocol ||= "TCP";
  },
  validate: ({ subsets = [] }) => subsets.flatMap((subset, i) => validateSubset(`subsets[${i}]`, subset)),
};

function validateSubset(path: string, { addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset) {
  const errors: FieldError[] = [];
  if (addresses.length + notReadyAddresses.length === 0)
    errors.push(required(path, "must specify `addresses` or `notReadyAddresses`"));
  addresses.forEach((address, i) => {
    errors.push(...validateAddress(`${path}.addresses[${i}]`, address));
  });
  notReadyAddresses.forEach((address, i) => {
    errors.push(...validateAddress(`${path}.notReadyAddresses[${i}]`, address));
  });
  ports.forEach((port, i) => {
    errors.push(...validatePort(`${path}.ports[${i}]`, port, ports.length > 1));
  });
  return errors;
}

function validateAddress(path: string, { ip, hostname, nodeName }: EndpointAddress): FieldError[] {
  const errors = validateEndpointIP(`${path}.ip`, ip);
  if (hostname) errors.push(...invalidEach(`${path}.hostname`, hostname, dns1123Label(hostname)));
  if (nodeName) errors.push(...invalidEach(`${path}.nodeName`, nodeName, dns1123Subdomain(nodeName)));
  return errors;
}

function validatePort(path: string, { name, port, protocol }: CoreV1EndpointPort, needsName: boolean): FieldError[] {
  const errors = name ? invalidEach(`${path}.name`, name, dns1123Label(name)) : [];
  if (!name && needsName) errors.push(required(`${path}.name`));
  errors.push(...invalidEach(`${path}.port`, port ?? 0, portNumber(port)));
  return [...errors, ...oneOf(`${path}.protocol`, protocol, ["SCTP", "TCP", "UDP"])];
}
