import type { EndpointSlice } from "#api/generated/types.js";
import { endpointSlices } from "#api/refs.js";
import { ageColumn, formatList, nameColumn } from "../columns.js";
import { immutable } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { validateEndpointSlice } from "./endpointslice-validate.js";

/** https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ */
export const endpointSlice: Kind<EndpointSlice> = {
  ...endpointSlices,
  singular: "endpointslice",
  schema: "EndpointSlice",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    {
      name: "AddressType",
      type: "string",
      description: "IPv4, IPv6 or FQDN.",
      value: (slice) => slice.addressType,
    },
    {
      name: "Ports",
      type: "string",
      description: "Ports that the endpoints serve.",
      value: ({ ports }) =>
        formatList(
          (ports ?? []).map((p) => String(p.port ?? p.name ?? "*")),
          3,
          "<unset>",
        ),
    },
    {
      name: "Endpoints",
      type: "string",
      description: "Addresses of the endpoints.",
      value: (slice) =>
        formatList(
          (slice.endpoints ?? []).flatMap((e) => e.addresses),
          3,
          "<unset>",
        ),
    },
    ageColumn,
  ],
  defaults(slice) {
    slice.endpoints ??= [];
    for (const port of slice.ports ?? []) {
      port.name ??= "";
      port.protocol ||= "TCP";
    }
  },
  validate: validateEndpointSlice,
  validateUpdate: (slice, old) => immutable("addressType", slice.addressType, old.addressType),
};
