/** Objects are created in namespaces that exist and are not going away. */
import type { Namespace } from "#api/generated/types.js";
import { namespaces } from "#api/refs.js";
import { forbiddenError, notFoundError, StatusError } from "#api/status-error.js";
import type { Kind } from "#resources/kind.js";
import type { Compare } from "#storage/backend.js";
import type { Registry } from "./registry.js";

/**
 * @returns what must still hold when the object is committed: the namespace has not changed, so nothing can slip into a
 * namespace that is being emptied
 * @throws StatusError 404 or 403
 */
export function namespaceGate(registry: Registry, kind: Kind, name: string, namespace: string | undefined): Compare[] {
  if (!kind.namespaced || namespace === undefined) return [];
  const store = registry.store(namespaces);
  const stored = store.find(namespace);
  if (!stored) throw notFoundError(namespaces, namespace);
  const { metadata, status } = stored.object as Namespace;
  if (metadata.deletionTimestamp || status?.phase === "Terminating") throw terminating(kind, name, namespace);
  return [{ key: store.storageKey(stored), revision: stored.revision }];
}

function terminating(kind: Kind, name: string, namespace: string): StatusError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const { code, reason, message, details } = forbiddenError(kind, name, why);
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  return new StatusError(code, reason, message, { ...details, causes: [cause] });
}
