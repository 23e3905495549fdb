import t from "tap";
import { SortedKeys } from "#apiserver/sorted-keys.js";

/** The same numbers each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state;
  };
}

const from = (keys: SortedKeys, start: string, limit = Number.POSITIVE_INFINITY) => {
  const seen: string[] = [];
  keys.scan(start, (key) => seen.push(key) < limit);
  return seen;
};

t.test("scans and counts as one sorted array would, over many chunks", async (t) => {
  const next = numbers(7);
  const keys = new SortedKeys();
  const plain = new Set<string>();
  t.same(from(keys, ""), []);
  t.equal(keys.count(""), 0);
  for (let i = 0; i < 6000; i++) {
    const key = `ns-${next() % 3}/${next() % 5000}`;
    if (plain.has(key)) {
      keys.remove(key);
      plain.delete(key);
    } else {
      keys.add(key);
      plain.add(key);
    }
    keys.remove("ns-1/not there");
    if (i % 500 > 0) continue;
    const sorted = [...plain].sort();
    t.same(from(keys, ""), sorted);
    for (const start of ["", "ns-0/", "ns-1/25", sorted[sorted.length >> 1]!]) {
      const expected = sorted.filter((other) => other >= start);
      t.same(from(keys, start, 3), expected.slice(0, 3));
      t.equal(keys.count(start), expected.length);
      t.equal(keys.count(start, "ns-20"), expected.filter((other) => other < "ns-20").length);
    }
  }
});

t.test("keys that come in order, and all of them removed", async (t) => {
  const keys = new SortedKeys();
  const names = Array.from({ length: 3000 }, (_, i) => String(i).padStart(5, "0"));
  for (const name of names) keys.add(name);
  t.same(from(keys, ""), names);
  t.equal(keys.count("00100", "02100"), 2000);
  for (const name of names) keys.remove(name);
  t.same(from(keys, ""), []);
  t.equal(keys.count(""), 0);
});
