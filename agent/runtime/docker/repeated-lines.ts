/**
 * Engines before 23 tell a follower of a log some lines twice when the log is rotated: what they had read of the new file.
 * The engine stamps each line of a stream later than the one before it, to the nanosecond, so a line is known by its time.
 */

/** More lines than one file of the default size can hold. */
const MAX_KNOWN = 1 << 17;
const FIRST_SIZE = 256;

export class RepeatedLines {
  /** Nanoseconds since the epoch, rising. */
  #known = new BigUint64Array(FIRST_SIZE);
  #count = 0;

  /** Was a line of that time told before? @param time RFC 3339 with nanoseconds; a clock that is set back is no repetition */
  has(time: string): boolean {
    const at = nanoseconds(time);
    if (at === undefined) return false;
    const last = this.#count > 0 ? (this.#known[this.#count - 1] as bigint) : -1n;
    if (at <= last) {
      if (this.#find(at)) return true;
      this.#count = 0;
    }
    this.#add(at);
    return false;
  }

  #add(at: bigint): void {
    if (this.#count === MAX_KNOWN) {
      this.#known.copyWithin(0, MAX_KNOWN / 2);
      this.#count = MAX_KNOWN / 2;
    } else if (this.#count === this.#known.length) {
      const larger = new BigUint64Array(this.#count * 2);
      larger.set(this.#known);
      this.#known = larger;
    }
    this.#known[this.#count++] = at;
  }

  #find(at: bigint): boolean {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#known[middle] as bigint) < at) low = middle + 1;
      else high = middle;
    }
    return low < this.#count && this.#known[low] === at;
  }
}

/** Undefined for what is no time. */
function nanoseconds(time: string): bigint | undefined {
  const [, seconds, fraction = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(time) ?? [];
  if (seconds === undefined) return undefined;
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
