import type { ManagedFieldsEntry } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { alreadyExists, StatusError } from "#api/status-error.js";
import { CompareFailedError } from "#storage/backend.js";
import { commit } from "../commit.js";
import { namespaceGate } from "../namespace-gate.js";
import { prepareCreate } from "../prepare-write.js";
import { renderObject } from "../render.js";
import type { ApiResponse } from "../request.js";
import { requestObject } from "../request-object.js";
import type { StoredObject } from "../stored-object.js";
import { renderOptions, type VerbContext, writeOf } from "../verb-context.js";
import { type WriteOptions, writeOptions } from "../write-options.js";

/** How often a generated name is tried anew, and a namespace looked at again that changed under the write. */
const ATTEMPTS = 8;

export async function create(context: VerbContext): Promise<ApiResponse> {
  const options = writeOptions(context.request);
  const render = renderOptions(context);
  for (let attempt = 1; ; attempt++) {
    const { object, warnings } = requestObject(context.request, context.kind, options);
    try {
      const stored = await createOnce(context, object, options, warnings);
      return { ...renderObject(stored, render, 201), warnings };
    } catch (error) {
      if (!(error instanceof CompareFailedError)) throw error;
      const taken = error.key.startsWith(context.store.cache.prefix);
      const retry = !taken || isNameGenerated(context, options);
      if (!retry || attempt === ATTEMPTS) throw nameTaken(context, object, error);
    }
  }
}

/** @param managedFields see `Write.managedFields` */
export async function createOnce(
  context: VerbContext,
  object: KubeObject,
  options: WriteOptions,
  warnings: string[],
  managedFields?: readonly ManagedFieldsEntry[],
): Promise<StoredObject> {
  const { request, kind, store, server } = context;
  const write = { ...writeOf(context, "CREATE", options, warnings), managedFields };
  const conditions = namespaceGate(server.registry, kind, object.metadata?.name ?? "", request.namespace);
  await prepareCreate(object, request.namespace, write);
  const { name = "", namespace } = object.metadata;
  if (options.dryRun && store.find(name, namespace)) throw alreadyExists(kind, name);
  return commit(store, object, undefined, write.admission, conditions);
}

function isNameGenerated({ request, kind }: VerbContext, options: WriteOptions): boolean {
  const { metadata } = requestObject(request, kind, options).object;
  return !metadata.name && metadata.generateName !== undefined;
}

function nameTaken({ kind }: VerbContext, object: KubeObject, { current }: CompareFailedError): StatusError {
  const error = alreadyExists(kind, object.metadata.name);
  if (!current?.value.includes('"deletionTimestamp":"')) return error;
  return new StatusError(error.code, error.reason, `object is being deleted: ${error.message}`, error.details);
}
