/**
 * Keys in order, found by bisection. They lie in chunks, so that adding or removing one moves no more than a chunk: with
 * 40,000 keys in one array the moving alone took a sixth of the time of a create.
 */

const CHUNK = 512;

export class SortedKeys {
  /** None is empty. */
  private readonly chunks: string[][] = [];

  /** The key must not be there yet. */
  add(key: string): void {
    const at = this.chunkOf(key);
    const chunk = this.chunks[at];
    if (!chunk) {
      this.chunks.push([key]);
      return;
    }
    if (chunk[chunk.length - 1]! < key) chunk.push(key);
    else chunk.splice(firstAtOrAfter(chunk, key), 0, key);
    if (chunk.length > CHUNK) this.chunks.splice(at + 1, 0, chunk.splice(CHUNK / 2));
  }

  remove(key: string): void {
    const at = this.chunkOf(key);
    const chunk = this.chunks[at];
    if (!chunk) return;
    const index = firstAtOrAfter(chunk, key);
    if (chunk[index] !== key) return;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.chunks.splice(at, 1);
  }

  /** Visits the keys at or after `start` until `visit` returns false. */
  scan(start: string, visit: (key: string) => boolean): void {
    for (let at = this.chunkOf(start); at < this.chunks.length; at++) {
      const chunk = this.chunks[at]!;
      // In all chunks but the first this is 0 at once.
      const from = chunk[0]! < start ? firstAtOrAfter(chunk, start) : 0;
      for (let index = from; index < chunk.length; index++) if (!visit(chunk[index]!)) return;
    }
  }

  /** How many keys lie in [start, end). */
  count(start: string, end?: string): number {
    return this.rank(end) - this.rank(start);
  }

  /** How many keys are below `key`, or in all. */
  private rank(key: string | undefined): number {
    const last = key === undefined ? this.chunks.length : this.chunkOf(key);
    let rank = 0;
    for (let at = 0; at < last; at++) rank += this.chunks[at]!.length;
    const chunk = this.chunks[last];
    return key !== undefined && chunk ? rank + firstAtOrAfter(chunk, key) : rank;
  }

  /** The index of the chunk that holds `key` or would: the last one that begins at or before it. */
  private chunkOf(key: string): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.chunks[middle]![0]! <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** The index of the first key that is not below `key`. */
function firstAtOrAfter(chunk: readonly string[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chunk[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
