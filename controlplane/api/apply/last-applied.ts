/**
 * The way between `kubectl apply` as kubectl itself does it, with an annotation that remembers what was applied last, and by
 * the server: people can go there and back. Only for the field manager that kubectl uses when it is told no other.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#upgrading-from-client-side-apply-to-server-side-apply
 */
import { difference, type FieldSet } from "../field-set.js";
import { changesOf } from "../managed-fields.js";
import type { KubeObject } from "../object.js";
import { typeSchema } from "../schema.js";
import { appliedSet } from "./applied-set.js";

type Json = Record<string, unknown>;

const ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";
const KUBECTL = "kubectl";

/** Keeps the memory, where there is one, true. @param config what is applied now */
export function lastAppliedBy(manager: string, object: KubeObject, config: Json): KubeObject {
  const { annotations } = object.metadata;
  if (manager !== KUBECTL || annotations?.[ANNOTATION] === undefined) return object;
  const metadata = { ...(config["metadata"] as Json) };
  const { [ANNOTATION]: _, ...others } = (metadata["annotations"] ?? {}) as Record<string, string>;
  const text = `${JSON.stringify({ ...config, metadata: { ...metadata, annotations: others } })}\n`;
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, [ANNOTATION]: text } } };
}

/** Fields that are still as kubectl applied them: whoever owns them, by name it is kubectl. */
export function fieldsLastApplied(manager: string, schema: string, live: KubeObject | undefined): FieldSet | undefined {
  const text = live?.metadata.annotations?.[ANNOTATION];
  if (manager !== KUBECTL || text === undefined) return undefined;
  try {
    const last = JSON.parse(text) as KubeObject;
    const set = appliedSet(typeSchema(schema), last as unknown as Json);
    const { changed } = changesOf({ schema, old: live, next: last });
    return set && changed ? difference(set, changed, false) : set;
  } catch {
    return undefined; // People may have written anything there; then it says nothing.
  }
}
