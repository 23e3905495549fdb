import { applyConfiguration } from "#api/apply/apply.js";
import { decodeApplied, misfit } from "#api/apply/decode-applied.js";
import { fieldsLastApplied, lastAppliedBy } from "#api/apply/last-applied.js";
import { decodePatched } from "#api/decode-body.js";
import type { KubeObject } from "#api/object.js";
import { groupVersion } from "#api/resource.js";
import { conflict, notFoundError } from "#api/status-error.js";
import type { Kind } from "#resources/kind.js";
import { CompareFailedError } from "#storage/backend.js";
import { commit } from "../commit.js";
import { partOwner } from "../object-part.js";
import { prepareUpdate, timestamp } from "../prepare-write.js";
import { renderObject } from "../render.js";
import type { ApiRequest, ApiResponse } from "../request.js";
import { checkIdentity } from "../request-object.js";
import type { StoredObject } from "../stored-object.js";
import { renderOptions, type VerbContext, writeOf } from "../verb-context.js";
import { writeOptions } from "../write-options.js";
import { createOnce } from "./create.js";
import { checkPreconditions } from "./update.js";

/** As often as any patch. */
const ATTEMPTS = 5;

/**
 * PATCH with an applied configuration: all that one manager wants of an object, or of its status. Makes the object when
 * there is none.
 */
export async function apply(context: VerbContext): Promise<ApiResponse> {
  const { kind, store, request } = context;
  const { name = "", namespace } = request;
  const render = renderOptions(context);
  for (let attempt = 1; ; attempt++) {
    const warnings: string[] = [];
    const old = store.find(name, namespace);
    try {
      const stored = await applyOnce(context, old, warnings);
      return { ...renderObject(stored, render, old ? 200 : 201), warnings };
    } catch (error) {
      if (!(error instanceof CompareFailedError)) throw error;
      if (attempt === ATTEMPTS) throw conflict(kind, name);
    }
  }
}

async function applyOnce(
  context: VerbContext,
  old: StoredObject | undefined,
  warnings: string[],
): Promise<StoredObject> {
  const { kind, store, server, request } = context;
  const { subresource } = request;
  const options = writeOptions(request);
  const part = partOwner(kind, subresource);
  const sent = decodeApplied(bodyOf(request), kind, options.fieldValidation);
  checkIdentity(sent.object, request);
  if (old) checkPreconditions(kind, sent.object, old.object);
  else if (subresource) throw notFoundError(kind, request.name ?? "");
  else refuseUid(kind, sent.object);
  const applied = applyConfiguration({
    schema: kind.schema,
    old: old?.object,
    config: ownParts(sent.config, kind, subresource),
    decode: (object) => decodePatched(object, kind, "Ignore").object,
    misfit: (why) => misfit(sent.config, kind, why),
    manager: options.fieldManager,
    force: options.force,
    yielded: fieldsLastApplied(options.fieldManager, kind.schema, old?.object),
    apiVersion: groupVersion(kind),
    subresource,
    time: timestamp(server.now()),
    ignored: subresource === undefined && kind.subresources?.status ? ["status"] : undefined,
  });
  const object = lastAppliedBy(options.fieldManager, applied.object, sent.config);
  const { managedFields } = applied;
  warnings.push(...sent.warnings);
  if (!old) return createOnce(context, object, options, warnings, managedFields);
  const write = { ...writeOf(context, "UPDATE", options, warnings), managedFields };
  const next = part ? part.merge(object, old.copy()) : object;
  await prepareUpdate(next, old.object, write, part && ((object, old) => part.validate(object, old)));
  return commit(store, next, old, write.admission);
}

const bodyOf = ({ body, object }: ApiRequest): Buffer =>
  object === undefined ? (body ?? Buffer.alloc(0)) : Buffer.from(JSON.stringify(object));

/** What this kind of write sets; the rest of the configuration is as if it were not there. */
function ownParts(config: Record<string, unknown>, { subresources }: Kind, subresource: string | undefined) {
  if (subresource === "status") return { status: config["status"] };
  if (!subresources?.status) return config;
  const { status: _, ...rest } = config;
  return rest;
}

function refuseUid(kind: Kind, { metadata }: KubeObject): void {
  if (!metadata.uid) return;
  const why = `uid mismatch: the provided object specified uid ${metadata.uid}, and no existing object was found`;
  throw conflict(kind, metadata.name, why);
}
