import type { ObjectReference } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";

/** Points at an object, as Events and endpoints do. The object must carry `apiVersion` and `kind`; informers see to it. */
export function referenceTo(object: KubeObject): ObjectReference {
  const { kind, apiVersion, metadata } = object;
  if (!kind || !apiVersion) throw new Error(`object ${metadata.name} has no kind to refer to`);
  return {
    kind,
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    apiVersion,
    resourceVersion: metadata.resourceVersion,
  };
}
