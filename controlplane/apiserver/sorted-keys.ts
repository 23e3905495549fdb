/** Keys in order, found by bisection. Adding in order, as when a cache fills, costs nothing but the append. */
export class SortedKeys {
  private readonly keys: string[] = [];

  add(key: string): void {
    const last = this.keys.at(-1);
    if (last === undefined || last < key) this.keys.push(key);
    else this.keys.splice(this.find(key), 0, key);
  }

  remove(key: string): void {
    const at = this.find(key);
    if (this.keys[at] === key) this.keys.splice(at, 1);
  }

  /** Visits the keys at or after `start` until `visit` returns false. */
  scan(start: string, visit: (key: string) => boolean): void {
    for (let at = this.find(start); at < this.keys.length; at++) if (!visit(this.keys[at]!)) return;
  }

  /** How many keys lie in [start, end). */
  count(start: string, end?: string): number {
    return (end === undefined ? this.keys.length : this.find(end)) - this.find(start);
  }

  /** The index of the first key that is not below `key`. */
  private find(key: string): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
