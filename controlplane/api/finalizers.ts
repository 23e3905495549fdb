import type { KubeObject } from "./object.js";

/** Takes a finalizer off, as a merge patch: it carries the resourceVersion, since the whole list is replaced. */
export function withoutFinalizer({ metadata }: KubeObject, finalizer: string): object {
  const finalizers = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
  const { uid, resourceVersion } = metadata;
  return { metadata: { uid, resourceVersion, finalizers } };
}
