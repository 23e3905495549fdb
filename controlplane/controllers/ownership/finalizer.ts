import type { KubeObject } from "#api/object.js";

/** The object as it is once nobody with that finalizer holds it. */
export function withoutFinalizer<T extends KubeObject>(object: T, finalizer: string): T {
  const finalizers = object.metadata.finalizers?.filter((name) => name !== finalizer);
  return { ...object, metadata: { ...object.metadata, finalizers } };
}
