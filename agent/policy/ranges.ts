/** Ranges as nft takes them into one set: in order, and no two that overlap. */
import type { IPBlock } from "#api/generated/types.js";
import { bitsOf, type Family, formatAddress, lastOf, networkOf, parsePrefix } from "#cni/lib/addresses.js";
import type { PortRange, Protocol } from "./policy-rules.js";

interface Interval<T> {
  first: T;
  last: T;
}

/** What at least one of the blocks takes in: a block's exceptions are holes in that block alone. */
export function addressRanges(blocks: readonly IPBlock[], family: Family): string[] {
  const intervals = blocks.flatMap(({ cidr, except = [] }) => {
    const whole = intervalOf(cidr, family);
    if (!whole) return [];
    const holes = except.flatMap((text) => intervalOf(text, family) ?? []);
    return holes.reduce((left, hole) => left.flatMap((interval) => without(interval, hole)), [whole]);
  });
  const text = (value: bigint) => formatAddress({ family, value });
  return union(intervals, 1n).map(({ first, last }) => textOf(text(first), text(last)));
}

/** True when the ranges are all addresses of the family. */
export function isEverything(ranges: readonly string[], family: Family): boolean {
  const last = (1n << BigInt(bitsOf(family))) - 1n;
  return ranges[0] === textOf(formatAddress({ family, value: 0n }), formatAddress({ family, value: last }));
}

/** The ports of one protocol. */
export function portRanges(ranges: readonly PortRange[], protocol: Protocol): string[] {
  const own = ranges.filter((range) => range.protocol === protocol);
  return union(own, 1).map(({ first, last }) => textOf(String(first), String(last)));
}

const textOf = (first: string, last: string) => (first === last ? first : `${first}-${last}`);

function intervalOf(cidr: string, family: Family): Interval<bigint> | undefined {
  const prefix = parsePrefix(cidr);
  if (prefix.family !== family) return undefined;
  return { first: networkOf(prefix).value, last: lastOf(prefix).value };
}

function without({ first, last }: Interval<bigint>, hole: Interval<bigint>): Interval<bigint>[] {
  if (hole.last < first || hole.first > last) return [{ first, last }];
  const left: Interval<bigint>[] = [];
  if (hole.first > first) left.push({ first, last: hole.first - 1n });
  if (hole.last < last) left.push({ first: hole.last + 1n, last });
  return left;
}

/** Neighbours become one. @param step from a value to the next */
function union<T extends number | bigint>(intervals: readonly Interval<T>[], step: T): Interval<T>[] {
  const sorted = [...intervals].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Interval<T>[] = [];
  for (const { first, last } of sorted) {
    const before = merged.at(-1);
    if (before && first <= (before.last as number) + (step as number)) {
      if (last > before.last) before.last = last;
    } else merged.push({ first, last });
  }
  return merged;
}
