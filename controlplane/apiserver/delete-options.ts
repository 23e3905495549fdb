/** DeleteOptions come in the body or, field by field, in the query. */
import { type BodyTarget, decodeBody } from "#api/decode-body.js";
import { forbidden, invalid, notSupported } from "#api/field-error.js";
import type { DeleteOptions } from "#api/generated/types.js";
import { invalidObject } from "#api/status-error.js";
import type { ApiRequest } from "./request.js";

const TARGET: BodyTarget = {
  schema: "DeleteOptions",
  group: "",
  version: "v1",
  kind: "DeleteOptions",
  anyVersion: true,
};
const POLICIES = ["Background", "Foreground", "Orphan"];

/** @throws StatusError 400, 415, 422 */
export function deleteOptions(request: ApiRequest): DeleteOptions {
  const options = sentOptions(request);
  const { query } = request;
  const seconds = query.get("gracePeriodSeconds");
  if (seconds !== null && options.gracePeriodSeconds === undefined) options.gracePeriodSeconds = Number(seconds);
  options.propagationPolicy ??= query.get("propagationPolicy") ?? undefined;
  const orphan = query.get("orphanDependents");
  if (orphan !== null && options.orphanDependents === undefined) options.orphanDependents = orphan === "true";
  if (!options.dryRun?.length && query.has("dryRun")) options.dryRun = query.getAll("dryRun");
  validate(options);
  return options;
}

export const isDryRun = (options: DeleteOptions) => (options.dryRun ?? []).some((value) => value !== "");

function sentOptions({ object, body, contentType }: ApiRequest): DeleteOptions {
  if (object !== undefined) return { ...(object as DeleteOptions) };
  if (!body || body.length === 0) return {};
  return { ...decodeBody<DeleteOptions>(body, contentType, TARGET, "Ignore").object };
}

function validate({ propagationPolicy, orphanDependents, dryRun, gracePeriodSeconds }: DeleteOptions): void {
  const errors = [];
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    const text = "orphanDependents and deletionPropagation cannot be both set";
    errors.push(invalid("propagationPolicy", propagationPolicy, text));
  }
  if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy)) {
    errors.push(notSupported("propagationPolicy", propagationPolicy, [...POLICIES, "nil"]));
  }
  if (dryRun?.some((value) => value !== "All" && value !== "")) errors.push(notSupported("dryRun", dryRun, ["All"]));
  if (Number.isNaN(gracePeriodSeconds)) errors.push(forbidden("gracePeriodSeconds", "must be a number"));
  if (errors.length > 0) throw invalidObject({ group: "meta.k8s.io", plural: "", kind: "DeleteOptions" }, "", errors);
}
