import type { ServiceAccount } from "#api/generated/types.js";
import { serviceAccounts } from "#api/refs.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Kind } from "../kind.js";
import { tokenAction } from "./token.js";

/** https://kubernetes.io/docs/concepts/security/service-accounts/ */
export const serviceAccount: Kind<ServiceAccount> = {
  ...serviceAccounts,
  singular: "serviceaccount",
  shortNames: ["sa"],
  schema: "ServiceAccount",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    {
      name: "Secrets",
      type: "string",
      description: "Number of secrets that pods of this account may use.",
      value: ({ secrets }) => secrets?.length ?? 0,
    },
    ageColumn,
  ],
  subresources: { actions: { token: tokenAction } },
};
