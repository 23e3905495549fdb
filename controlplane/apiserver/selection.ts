/** Which objects of a kind a list or watch is about: namespace, name, label selector, field selector. */
import { type FieldRequirement, matchesFields, parseFieldSelector, pinnedField } from "#api/field-selectors.js";
import type { KubeObject } from "#api/object.js";
import { matchesLabels, type ParsedSelector, parseLabelSelector } from "#api/selectors.js";
import { badRequest } from "#api/status-error.js";
import type { Kind } from "#resources/kind.js";
import type { ApiRequest } from "./request.js";
import type { StoredObject } from "./stored-object.js";
import type { WatchCache } from "./watch-cache.js";

export interface Selection {
  readonly namespace?: string;
  /** The one key that can match, when the selection pins an object. */
  readonly onlyKey?: string;
  /** No selector narrows the namespace. */
  readonly unfiltered: boolean;
  /** Equal for equal selections. */
  readonly id: string;
  matches(object: StoredObject): boolean;
}

/** @throws StatusError 400 for a selector that cannot be read or names an unknown field */
export function selectionOf(request: ApiRequest): Selection {
  const { kind, query } = request;
  const labelText = query.get("labelSelector") ?? "";
  const fieldText = query.get("fieldSelector") ?? "";
  const labels = labelText === "" ? [] : readSelector(() => parseLabelSelector(labelText));
  const fields = fieldText === "" ? [] : readSelector(() => parseFieldSelector(fieldText));
  assertKnownFields(kind, fields);
  return select(
    kind,
    { namespace: request.namespace, name: request.name, labels, fields },
    `${labelText}|${fieldText}`,
  );
}

/** Visits the selected objects in key order, from `start` (inclusive), until `visit` returns false. */
export function visitSelected(
  cache: WatchCache,
  selection: Selection,
  start: string,
  visit: (object: StoredObject) => boolean,
): void {
  if (selection.onlyKey === undefined) {
    cache.scan(selection.namespace, start, (object) => !selection.matches(object) || visit(object));
    return;
  }
  const object = cache.get(selection.onlyKey);
  if (object && object.key >= start && selection.matches(object)) visit(object);
}

interface Criteria {
  namespace?: string;
  name?: string;
  labels: ParsedSelector;
  fields: readonly FieldRequirement[];
}

function select(kind: Kind, { namespace, name, labels, fields }: Criteria, selectors: string): Selection {
  const unfiltered = labels.length === 0 && fields.length === 0 && name === undefined;
  const pinned = name ?? pinnedField(fields, "metadata.name");
  const inNamespace = namespace ?? pinnedField(fields, "metadata.namespace");
  const onlyKey = pinned === undefined ? undefined : keyIn(kind, inNamespace, pinned);
  const start = namespace === undefined ? "" : `${namespace}/`;
  return {
    namespace,
    onlyKey,
    unfiltered,
    id: [namespace ?? "", name ?? "", selectors].join("|"),
    matches(stored) {
      if (!stored.key.startsWith(start)) return false;
      if (unfiltered) return true;
      if (onlyKey !== undefined && stored.key !== onlyKey) return false;
      if (name !== undefined && stored.object.metadata.name !== name) return false;
      if (labels.length > 0 && !matchesLabels(labels, stored.object.metadata.labels)) return false;
      return fields.length === 0 || matchesFields(fields, (field) => fieldValue(kind, stored.object, field));
    },
  };
}

/** Undefined when the namespace is needed and not known: any namespace may hold the name. */
function keyIn(kind: Kind, namespace: string | undefined, name: string): string | undefined {
  if (!kind.namespaced) return name;
  return namespace === undefined ? undefined : `${namespace}/${name}`;
}

function fieldValue(kind: Kind, object: KubeObject, field: string): string | undefined {
  if (field === "metadata.name") return object.metadata.name;
  if (field === "metadata.namespace") return object.metadata.namespace ?? "";
  return kind.selectableFields?.(object)[field];
}

function assertKnownFields(kind: Kind, fields: readonly FieldRequirement[]): void {
  const others = fields.filter(({ field }) => field !== "metadata.name" && field !== "metadata.namespace");
  if (others.length === 0) return;
  // Enough of an object for every kind's function to name its fields.
  const empty = { metadata: {}, spec: {}, status: {}, involvedObject: {} } as unknown as KubeObject;
  const known = kind.selectableFields?.(empty);
  for (const { field } of others) {
    if (!known) {
      throw badRequest(`"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`);
    }
    if (!(field in known)) throw badRequest(`field label not supported: ${field}`);
  }
}

function readSelector<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw badRequest((error as Error).message);
  }
}
