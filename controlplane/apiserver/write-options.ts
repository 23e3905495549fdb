/** The query parameters that all writes take. */

import { invalidObject } from "#api/status-error.js";
import { validateWriteOptions } from "#api/validation/metadata.js";
import type { ApiRequest } from "./request.js";

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: "Ignore" | "Warn" | "Strict";
}

/** @throws StatusError 422 naming the options kind, as upstream does */
export function writeOptions({ query, verb, userAgent }: ApiRequest): WriteOptions {
  if (query.size === 0) return { dryRun: false, fieldManager: userAgent, fieldValidation: "Warn" };
  const fieldManager = query.get("fieldManager") ?? "";
  const fieldValidation = query.get("fieldValidation") ?? "";
  const dryRun = query.getAll("dryRun").filter((value) => value !== "");
  const errors = validateWriteOptions({ fieldManager, fieldValidation, dryRun });
  if (errors.length > 0) {
    const kind = { create: "CreateOptions", update: "UpdateOptions", patch: "PatchOptions" }[verb as string];
    throw invalidObject({ group: "meta.k8s.io", plural: "", kind: kind ?? "DeleteOptions" }, "", errors);
  }
  return {
    dryRun: dryRun.length > 0,
    fieldManager: fieldManager || userAgent,
    fieldValidation: (fieldValidation || "Warn") as WriteOptions["fieldValidation"],
  };
}
