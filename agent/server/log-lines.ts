const NEWLINE = 0x0a;
const SPACE = 0x20;

/**
 * Takes the time off the start of every line. Works on bytes, since a chunk may end in the middle of a line, of the time or
 * of a character.
 */
export class TimeStripper {
  /** True while inside the time at the start of a line. */
  #inTime = true;

  /** What is left of the next chunk; may be empty. */
  strip(chunk: Buffer): Buffer {
    const parts: Buffer[] = [];
    let start = 0;
    while (start < chunk.length) {
      if (this.#inTime) {
        const space = chunk.indexOf(SPACE, start);
        if (space < 0) break;
        this.#inTime = false;
        start = space + 1;
      }
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline < 0 ? chunk.length : newline + 1;
      parts.push(chunk.subarray(start, end));
      if (newline >= 0) this.#inTime = true;
      start = end;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}
