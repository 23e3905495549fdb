/** From stored objects to answers: concatenation of bytes that exist where possible, a new text where a view asks for it. */
import { stringify } from "yaml";
import type { KubeObject } from "#api/object.js";
import { groupVersion } from "#api/resource.js";
import type { Kind } from "#resources/kind.js";
import { joinBytes } from "./list-bytes.js";
import type { Representation } from "./negotiate.js";
import type { ApiResponse } from "./request.js";
import type { StoredObject } from "./stored-object.js";
import { table } from "./table.js";

export interface ListMeta {
  /** Absent for what is stored nowhere. */
  resourceVersion?: string;
  continue?: string;
  remainingItemCount?: number;
}

/** How one request wants to be answered. */
export interface RenderOptions {
  kind: Kind;
  representation: Representation;
  /** Answer with objects instead of bytes. */
  direct?: boolean;
  /** Milliseconds since the epoch. */
  now: number;
}

/** An object or Status that is not stored as such: made once, for this answer. */
export function renderValue(
  value: object,
  options: Pick<RenderOptions, "representation" | "direct">,
  status = 200,
): ApiResponse {
  const { format, pretty } = options.representation;
  if (options.direct) return { status, contentType: "application/json", chunks: [], object: value };
  if (format === "yaml") {
    // Version 1.1 quotes what older parsers take for times, booleans and octal numbers.
    const text = stringify(value, { version: "1.1" });
    return { status, contentType: "application/yaml", chunks: [Buffer.from(text)] };
  }
  const text = pretty ? `${JSON.stringify(value, null, 2)}\n` : JSON.stringify(value);
  return { status, contentType: "application/json", chunks: [Buffer.from(text)] };
}

export function renderObject(stored: StoredObject, options: RenderOptions, status = 200): ApiResponse {
  const { view, format, pretty } = options.representation;
  if (options.direct) return { status, contentType: "application/json", chunks: [], object: stored.shared };
  if (view === "full" && format === "json" && !pretty) {
    return { status, contentType: "application/json", chunks: [stored.bytes] };
  }
  return renderValue(viewOf(stored, options), options, status);
}

/** One object in the wanted view, as JSON: what a watch event carries. */
export function objectBytes(stored: StoredObject, options: RenderOptions): Buffer {
  const { view } = options.representation;
  if (view === "full") return stored.bytes;
  if (view === "metadata") return stored.metadataBytes;
  return Buffer.from(JSON.stringify(viewOf(stored, options)));
}

/** @param plain gives the items' joined bytes when they are at hand already */
export function renderList(
  items: readonly StoredObject[],
  metadata: ListMeta,
  options: RenderOptions,
  plain = () => joinBytes(items, (item) => item.bytes),
): ApiResponse {
  const { view, format, pretty } = options.representation;
  const { kind } = options;
  const head = { kind: `${kind.kind}List`, apiVersion: groupVersion(kind), metadata };
  if (options.direct) {
    const object = { ...head, items: items.map((item) => item.shared) };
    return { status: 200, contentType: "application/json", chunks: [], object };
  }
  if (view === "table") {
    return renderValue(
      table(items, metadata, { ...options, includeObject: options.representation.includeObject }),
      options,
    );
  }
  const partial = { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata };
  const outer = view === "metadata" ? partial : head;
  if (format === "json" && !pretty) {
    const joined = view === "metadata" ? joinBytes(items, (item) => item.metadataBytes) : plain();
    return { status: 200, contentType: "application/json", chunks: enclose(outer, joined) };
  }
  return renderValue({ ...outer, items: items.map((item) => viewOf(item, options)) }, options);
}

function viewOf(stored: StoredObject, options: RenderOptions): object {
  const { view, includeObject } = options.representation;
  if (view === "full") return stored.object;
  if (view === "metadata") return JSON.parse(stored.metadataBytes.toString()) as KubeObject;
  const metadata = { resourceVersion: String(stored.revision) };
  return table([stored], metadata, { ...options, includeObject });
}

/** A few copied bytes are cheaper than a few more writes to a socket. */
const SMALL = 16 * 1024;

function enclose(head: object, items: readonly Buffer[]): readonly Buffer[] {
  const chunks = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`), ...items, END];
  return items.length > 1 || (items[0]?.length ?? 0) > SMALL ? chunks : [Buffer.concat(chunks)];
}

const END = Buffer.from("]}");
