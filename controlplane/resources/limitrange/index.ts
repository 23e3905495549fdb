import type { LimitRange, LimitRangeItem } from "#api/generated/types.js";
import { limitRanges } from "#api/refs.js";
import { nameColumn } from "../columns.js";
import type { Kind } from "../kind.js";
import { validateLimitRange } from "./validate.js";

/** https://kubernetes.io/docs/concepts/policy/limit-range/ */
export const limitRange: Kind<LimitRange> = {
  ...limitRanges,
  singular: "limitrange",
  shortNames: ["limits"],
  schema: "LimitRange",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    {
      name: "Created At",
      type: "string",
      description: "When the object was created.",
      value: ({ metadata }) => metadata.creationTimestamp,
    },
  ],
  defaults: ({ spec }) => spec?.limits.forEach(defaultItem),
  validate: validateLimitRange,
};

/** What is at most given is the default, and what is given by default, or at least, is asked for by default. */
function defaultItem(item: LimitRangeItem): void {
  if (item.type !== "Container") return;
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length > 0) item.default = limits;
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}
