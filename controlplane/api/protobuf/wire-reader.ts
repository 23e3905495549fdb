/** Protobuf's wire format (https://protobuf.dev/programming-guides/encoding/), as far as Kubernetes uses it. */

/** A field as it stands on the wire: a number, or the bytes of a string, message or byte field. */
export interface WireField {
  readonly number: number;
  readonly value: number | Buffer;
}

/** @throws RangeError when the bytes end in the middle of a field; Error for wire types Kubernetes never sends */
export function* readFields(bytes: Buffer): Iterable<WireField> {
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(bytes, cursor);
    const number = Math.floor(tag / 8);
    switch (tag & 7) {
      case 0:
        yield { number, value: readVarint(bytes, cursor) };
        break;
      case 1:
        yield { number, value: bytes.readDoubleLE(advance(bytes, cursor, 8)) };
        break;
      case 2: {
        const length = readVarint(bytes, cursor);
        const start = advance(bytes, cursor, length);
        yield { number, value: bytes.subarray(start, start + length) };
        break;
      }
      default:
        throw new Error(`wire type ${tag & 7} is not used by Kubernetes`);
    }
  }
}

/** Moves on by `length` bytes; returns where they start. */
function advance(bytes: Buffer, cursor: { at: number }, length: number): number {
  const start = cursor.at;
  if (length < 0 || start + length > bytes.length) throw new RangeError("unexpected end of the message");
  cursor.at = start + length;
  return start;
}

/** Negative numbers come as 64-bit two's complement: ten bytes. */
function readVarint(bytes: Buffer, cursor: { at: number }): number {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new RangeError("unexpected end of the message");
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return Number(BigInt.asIntN(64, value));
  }
  throw new RangeError("a number is longer than 64 bits");
}
