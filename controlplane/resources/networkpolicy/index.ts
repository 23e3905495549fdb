import type { NetworkPolicy } from "#api/generated/types.js";
import { networkPolicies } from "#api/refs.js";
import { formatLabelSelector } from "#api/selectors.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Kind } from "../kind.js";
import { validateNetworkPolicy } from "./validate.js";
import { networkPolicyWarnings } from "./warnings.js";

/** https://kubernetes.io/docs/concepts/services-networking/network-policies/ */
export const networkPolicy: Kind<NetworkPolicy> = {
  ...networkPolicies,
  singular: "networkpolicy",
  shortNames: ["netpol"],
  schema: "NetworkPolicy",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    {
      name: "Pod-Selector",
      type: "string",
      description: "Which pods of the namespace it applies to.",
      value: ({ spec }) => formatLabelSelector(spec.podSelector),
    },
    ageColumn,
  ],
  defaults: ({ spec }) => {
    spec.podSelector ??= {};
    for (const { ports = [] } of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of ports) port.protocol ??= "TCP";
    // A policy that does not say what it is about is about ingress at least.
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"];
  },
  validate: validateNetworkPolicy,
  warnings: networkPolicyWarnings,
};
