/** Lists of scalars that a strategic merge patch adds to (finalizers), and the order of lists under $setElementOrder. */
import { equalJson } from "./json-value.js";

/** Where `identity` of an element stands in an order list, or -1. */
export type IndexOf<T> = (element: T) => number;

/**
 * Puts merged elements in the order a patch wishes for. Elements the patch knows come in its order; those only the
 * server has keep their places among each other and before the element they preceded.
 */
export function inOrder<T>(elements: readonly T[], wished: IndexOf<T>, live: IndexOf<T>): T[] {
  const known = elements.filter((element) => wished(element) >= 0).sort((a, b) => wished(a) - wished(b));
  const serverOnly = elements.filter((element) => wished(element) < 0);
  const result: T[] = [];
  while (known.length > 0 && serverOnly.length > 0) {
    const [left, right] = [live(serverOnly[0] as T), live(known[0] as T)];
    const serverFirst = left >= 0 && right >= 0 && left < right;
    result.push((serverFirst ? serverOnly : known).shift() as T);
  }
  return [...result, ...serverOnly, ...known];
}

export function mergeScalarList(
  original: readonly unknown[],
  patch: readonly unknown[],
  directives: { order?: readonly unknown[]; deletions?: readonly unknown[] },
): unknown[] {
  const has = (list: readonly unknown[], value: unknown) => list.some((item) => equalJson(item, value));
  const kept = original.filter((value) => !has(directives.deletions ?? [], value));
  const merged = [...kept];
  for (const value of patch) if (!has(merged, value)) merged.push(value);
  const { order } = directives;
  return order
    ? inOrder(
        merged,
        (value) => order.indexOf(value),
        (value) => original.indexOf(value),
      )
    : merged;
}
