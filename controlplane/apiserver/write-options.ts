/** The query parameters that all writes take. */

import { isApply } from "#api/apply/media-type.js";
import { forbidden, required } from "#api/field-error.js";
import { invalidObject } from "#api/status-error.js";
import { validateWriteOptions } from "#api/validation/metadata.js";
import type { ApiRequest } from "./request.js";

export interface WriteOptions {
  readonly dryRun: boolean;
  /** Of an apply: takes fields from other managers. */
  readonly force: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: "Ignore" | "Warn" | "Strict";
}

/** @throws StatusError 422 naming the options kind, as upstream does */
export function writeOptions(request: ApiRequest): WriteOptions {
  const { query, verb, userAgent } = request;
  const isApplied = verb === "patch" && isApply(request);
  if (query.size === 0 && !isApplied)
    return { dryRun: false, force: false, fieldManager: userAgent, fieldValidation: "Warn" };
  const fieldManager = query.get("fieldManager") ?? "";
  const fieldValidation = query.get("fieldValidation") ?? "";
  const dryRun = query.getAll("dryRun").filter((value) => value !== "");
  const errors = validateWriteOptions({ fieldManager, fieldValidation, dryRun });
  if (isApplied && !fieldManager) errors.push(required("fieldManager", "is required for apply patch"));
  if (verb === "patch" && !isApplied && query.has("force"))
    errors.push(forbidden("force", "may not be specified for non-apply patch"));
  if (errors.length > 0) {
    const kind = { create: "CreateOptions", update: "UpdateOptions", patch: "PatchOptions" }[verb as string];
    throw invalidObject({ group: "meta.k8s.io", plural: "", kind: kind ?? "DeleteOptions" }, "", errors);
  }
  return {
    dryRun: dryRun.length > 0,
    force: query.get("force") === "true",
    fieldManager: fieldManager || userAgent,
    fieldValidation: (fieldValidation || "Warn") as WriteOptions["fieldValidation"],
  };
}
