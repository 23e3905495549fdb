/**
 * The joined bytes of a kind's plain lists. Who lists again before anything has changed gets what was joined before; it
 * is held weakly, so that the next full garbage collection takes what nobody is sending.
 */
import type { StoredObject } from "./stored-object.js";

interface Joined {
  lastChange: number;
  chunks: readonly Buffer[];
}

/** Bytes that are copied together: large enough to be few, small enough to be cheap to allocate. */
const CHUNK = 256 * 1024;

const COMMA = Buffer.from(",");

export class ListBytes {
  private readonly joined = new Map<string, WeakRef<Joined>>();

  /** @param scope what the items are all of: a namespace, or "" @param lastChange of the kind */
  get(scope: string, lastChange: number, items: readonly StoredObject[]): readonly Buffer[] {
    const known = this.joined.get(scope)?.deref();
    if (known?.lastChange === lastChange) return known.chunks;
    const chunks = joinBytes(items, (item) => item.bytes);
    if (this.joined.size > 100) this.joined.clear();
    this.joined.set(scope, new WeakRef({ lastChange, chunks }));
    return chunks;
  }
}

/** The items' bytes with commas in between. */
export function joinBytes(items: readonly StoredObject[], bytesOf: (item: StoredObject) => Buffer): readonly Buffer[] {
  const chunks: Buffer[] = [];
  let parts: Buffer[] = [];
  let size = 0;
  for (const [index, item] of items.entries()) {
    const bytes = bytesOf(item);
    if (index > 0) parts.push(COMMA);
    parts.push(bytes);
    size += bytes.length + 1;
    if (size < CHUNK && index < items.length - 1) continue;
    chunks.push(Buffer.concat(parts));
    parts = [];
    size = 0;
  }
  return chunks;
}
