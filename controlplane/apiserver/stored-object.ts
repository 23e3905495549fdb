/**
 * One object as it stands in the store: its JSON bytes, ready to be sent, and its value, parsed when first needed.
 *
 * The store keeps an object's JSON without resourceVersion (only the commit tells it). Every stored text begins with the
 * same `{"kind":…,"apiVersion":…,"metadata":{` for its kind, and the resourceVersion is spliced in right behind.
 */

import type { ObjectMeta } from "#api/generated/types.js";
import { cloneJson, equalJson, freezeJson } from "#api/json-value.js";
import type { KubeObject } from "#api/object.js";
import { groupVersion } from "#api/resource.js";

export class ObjectCodec {
  readonly head: Buffer;
  /** The head up to the metadata. */
  private readonly start: string;

  constructor(kind: { kind: string; group: string; version: string }) {
    const names = { kind: kind.kind, apiVersion: groupVersion(kind) };
    this.start = `${JSON.stringify(names).slice(0, -1)},"metadata":`;
    this.head = Buffer.from(`${this.start}{`);
  }

  /** The bytes to store. The object must have a name. Field by field: rearranging the object first takes half as long again. */
  encode(object: KubeObject): Buffer {
    const metadata = withoutVersion(object.metadata);
    let text = this.start + JSON.stringify(metadata);
    for (const key in object) {
      if (key === "kind" || key === "apiVersion" || key === "metadata") continue;
      const value: string | undefined = JSON.stringify(object[key as keyof KubeObject]);
      if (value !== undefined) text += `,${JSON.stringify(key)}:${value}`;
    }
    return Buffer.from(`${text}}`);
  }

  /** Stored bytes with the resourceVersion put in. */
  splice(stored: Buffer, revision: number): Buffer {
    return this.join(stored, this.head.length, revision);
  }

  /** Complete bytes of one revision made over to another. */
  resplice(bytes: Buffer, from: number, to: number): Buffer {
    return this.join(bytes, this.head.length + versionText(from).length, to);
  }

  /** True when the bytes say the same as a stored object: equal, or equal but for the order of keys. */
  isSame(stored: Buffer, { bytes, revision, object }: StoredObject): boolean {
    const head = this.head.length;
    const tail = head + versionText(revision).length;
    if (stored.length - head !== bytes.length - tail) return false;
    if (stored.compare(bytes, tail, bytes.length, head) === 0) return true;
    const { resourceVersion: _, ...metadata } = object.metadata;
    return equalJson(JSON.parse(stored.toString()), { ...object, metadata });
  }

  private join(source: Buffer, tail: number, revision: number): Buffer {
    const text = versionText(revision);
    const head = this.head.length;
    // Kept for as long as the object lives: a slice of the shared pool would keep its neighbours alive.
    const bytes = Buffer.allocUnsafeSlow(head + text.length + source.length - tail);
    this.head.copy(bytes);
    bytes.write(text, head, "latin1");
    source.copy(bytes, head + text.length, tail);
    return bytes;
  }
}

function withoutVersion(metadata: ObjectMeta): Partial<ObjectMeta> {
  if (metadata.resourceVersion === undefined) return metadata;
  const { resourceVersion: _, ...rest } = metadata;
  return rest;
}

const versionText = (revision: number) => `"resourceVersion":"${revision}",`;

export class StoredObject {
  private value: KubeObject | undefined;
  private frozen = false;
  private metadata: Buffer | undefined;

  /**
   * @param key see `keyOf`
   * @param bytes complete, with resourceVersion
   * @param value the same, parsed, if it is at hand
   */
  constructor(
    readonly key: string,
    readonly revision: number,
    readonly bytes: Buffer,
    readonly codec: ObjectCodec,
    value?: KubeObject,
  ) {
    this.value = value;
  }

  /** To be read, never changed. */
  get object(): KubeObject {
    this.value ??= JSON.parse(this.bytes.toString()) as KubeObject;
    return this.value;
  }

  /** The same object, deep-frozen, to be handed out. */
  get shared(): KubeObject {
    const object = this.object;
    if (!this.frozen) {
      freezeJson(object);
      this.frozen = true;
    }
    return object;
  }

  /** A copy to change. */
  copy(): KubeObject {
    return cloneJson(this.object);
  }

  /** As a PartialObjectMetadata. */
  get metadataBytes(): Buffer {
    this.metadata ??= Buffer.from(JSON.stringify({ ...PARTIAL, metadata: this.object.metadata }));
    return this.metadata;
  }

  /** The same content at another revision: how a deleted object is shown. */
  at(revision: number): StoredObject {
    const value = this.value && {
      ...this.value,
      metadata: { ...this.value.metadata, resourceVersion: String(revision) },
    };
    return new StoredObject(
      this.key,
      revision,
      this.codec.resplice(this.bytes, this.revision, revision),
      this.codec,
      value,
    );
  }
}

export const PARTIAL = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" };
