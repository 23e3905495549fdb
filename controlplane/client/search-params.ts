import type { ListQuery, PatchQuery } from "./client.js";

const LIST_KEYS = ["labelSelector", "fieldSelector", "continue", "resourceVersion"] as const;

/** The URL query of a call. What is part of the path (namespace, subresource) stays out. */
export function searchParams(options: ListQuery & PatchQuery): URLSearchParams {
  const params = new URLSearchParams();
  for (const key of LIST_KEYS) {
    const value = options[key];
    if (value !== undefined) params.set(key, value);
  }
  if (options.limit !== undefined) params.set("limit", String(options.limit));
  if (options.fieldManager !== undefined) params.set("fieldManager", options.fieldManager);
  if (options.force) params.set("force", "true");
  if (options.dryRun) params.set("dryRun", "All");
  return params;
}
