import type { ResourceQuota } from "#api/generated/types.js";
import { resourceQuotas } from "#api/refs.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Column, Kind } from "../kind.js";
import { validateQuota, validateQuotaStatus, validateQuotaUpdate } from "./validate.js";

/** "cpu: 500m/2, pods: 3/10" */
function uses({ status }: ResourceQuota, isShown: (name: string) => boolean): string {
  const { hard = {}, used = {} } = status ?? {};
  const names = Object.keys(hard).filter(isShown).sort();
  return names.map((name) => `${name}: ${used[name] ?? "0"}/${hard[name]}`).join(", ");
}

const isLimit = (name: string) => name.startsWith("limits.");

const column = (name: string, description: string, isShown: (name: string) => boolean): Column<ResourceQuota> => ({
  name,
  type: "string",
  description,
  value: (quota) => uses(quota, isShown),
});

/** https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
export const resourceQuota: Kind<ResourceQuota> = {
  ...resourceQuotas,
  singular: "resourcequota",
  shortNames: ["quota"],
  schema: "ResourceQuota",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    column("Request", "What is used and what may be, of all but limits.", (name) => !isLimit(name)),
    column("Limit", "What is used and what may be, of limits.", isLimit),
    ageColumn,
  ],
  subresources: { status: { validate: validateQuotaStatus } },
  validate: validateQuota,
  validateUpdate: validateQuotaUpdate,
  prepareForCreate(object) {
    object.status = {};
  },
};
