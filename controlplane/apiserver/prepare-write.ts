/**
 * The one write path: what happens to every new state of an object before it is stored, in this order: defaults, managed
 * fields (so that nobody owns what admission adds), admission, what the server sets itself, validation, generation.
 */

import { randomUUID } from "node:crypto";
import type { FieldError } from "#api/field-error.js";
import { generateName } from "#api/generate-name.js";
import type { ManagedFieldsEntry, ObjectMeta } from "#api/generated/types.js";
import { equalJson } from "#api/json-value.js";
import type { KubeObject } from "#api/object.js";
import { badRequest, invalidObject, StatusError } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import { validateObjectMeta, validateObjectMetaUpdate } from "#api/validation/metadata.js";
import type { AdmissionContext, Kind } from "#resources/kind.js";
import { trackFields } from "./field-tracking.js";

export interface Write {
  readonly kind: Kind;
  readonly admission: AdmissionContext;
  readonly fieldManager: string;
  readonly subresource?: string;
  /** The write is no change of what is wanted, though it sets a field of it. */
  readonly keepsGeneration?: boolean;
  /** Who owns which field afterwards, of an apply; absent: told from what the write changes. */
  readonly managedFields?: readonly ManagedFieldsEntry[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Collects texts for Warning headers. */
  readonly warnings: string[];
}

/** Changes `object` in place. @throws StatusError */
export async function prepareCreate(object: KubeObject, namespace: string | undefined, write: Write): Promise<void> {
  const { kind } = write;
  initializeMetadata(object, namespace, write);
  kind.defaults?.(object);
  trackFields(object, undefined, write, timestamp(write.now));
  await kind.admission?.beforeWrite?.(object, undefined, write.admission);
  kind.prepareForCreate?.(object);
  const errors = [...validateObjectMeta(object.metadata, kind), ...(kind.validate?.(object) ?? [])];
  refuse(kind, object, errors);
  write.warnings.push(...(kind.warnings?.(object) ?? []));
  if (kind.hasGeneration) object.metadata.generation = 1;
}

/**
 * Changes `object` in place. `old` is only read. A subresource's write has changed its own part of a copy of `old`.
 * @param own what a subresource validates itself; absent: this is the main resource
 * @throws StatusError
 */
export async function prepareUpdate(
  object: KubeObject,
  old: KubeObject,
  write: Write,
  own?: (object: KubeObject, old: KubeObject) => FieldError[],
): Promise<void> {
  const { kind } = write;
  carryMetadata(object, old.metadata);
  kind.defaults?.(object);
  trackFields(object, old, write, timestamp(write.now));
  if (!own) carryStatus(object, old, kind);
  await kind.admission?.beforeWrite?.(object, old, write.admission);
  const errors = validateObjectMetaUpdate(object.metadata, old.metadata);
  if (own) errors.push(...own(object, old));
  else errors.push(...(kind.validate?.(object, old) ?? []), ...(kind.validateUpdate?.(object, old) ?? []));
  refuse(kind, object, errors);
  if (!own) write.warnings.push(...(kind.warnings?.(object) ?? []));
  if (kind.hasGeneration && !write.keepsGeneration && contentChanged(object, old))
    object.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

let lastSecond = { second: -1, text: "" };

/** RFC 3339, whole seconds. Every write asks twice, so the text of the current second is kept. */
export function timestamp(now: number): string {
  const second = Math.floor(now / 1000);
  if (second !== lastSecond.second) lastSecond = { second, text: formatTime(now) };
  return lastSecond.text;
}

function initializeMetadata(object: KubeObject, namespace: string | undefined, { kind, now }: Write): void {
  const metadata: ObjectMeta = object.metadata ?? {};
  object.metadata = metadata;
  if (metadata.resourceVersion) {
    throw new StatusError(500, "", "resourceVersion should not be set on objects to be created");
  }
  if (!kind.namespaced) delete metadata.namespace;
  else if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  } else metadata.namespace = namespace;
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName);
  for (const key of SERVER_SET) if (metadata[key] !== undefined) delete metadata[key];
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(now);
}

const SERVER_SET = [
  "resourceVersion",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "selfLink",
  "generation",
] as const satisfies readonly (keyof ObjectMeta)[];

/** Clients may leave out what only the server sets, and cannot take back that an object is being deleted. */
function carryMetadata(object: KubeObject, old: ObjectMeta): void {
  const { metadata } = object;
  metadata.uid ||= old.uid;
  if (old.namespace) metadata.namespace ||= old.namespace;
  for (const key of CARRIED) if (old[key] !== undefined) Object.assign(metadata, { [key]: old[key] });
  if (old.deletionGracePeriodSeconds !== undefined) {
    metadata.deletionGracePeriodSeconds ??= old.deletionGracePeriodSeconds;
  }
}

const CARRIED = [
  "creationTimestamp",
  "generation",
  "resourceVersion",
  "generateName",
  "deletionTimestamp",
] as const satisfies readonly (keyof ObjectMeta)[];

function carryStatus(object: KubeObject, old: KubeObject, kind: Kind): void {
  if (kind.prepareForUpdate) kind.prepareForUpdate(object, old);
  else if (kind.subresources?.status) {
    const { status } = old as WithStatus;
    if (status === undefined) delete (object as WithStatus).status;
    else (object as WithStatus).status = status;
  }
}

type WithStatus = KubeObject & { status?: unknown };

/** Anything but metadata and status. */
function contentChanged(object: KubeObject, old: KubeObject): boolean {
  return !equalJson(content(object), content(old));
}

function content(object: KubeObject): object {
  const { apiVersion: _a, kind: _k, metadata: _m, status: _s, ...rest } = object as WithStatus;
  return rest;
}

function refuse(kind: Kind, object: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject(kind, object.metadata.name || object.metadata.generateName || "", errors);
}
