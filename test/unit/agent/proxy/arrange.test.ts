import t from "tap";
import { arrange } from "#agent/proxy/arrange.js";

t.test("backends keep their places; holes are filled by newcomers, then by the last", async (t) => {
  const to = (previous: string, wanted: string) => arrange([...previous], new Set(wanted)).join("");
  t.equal(to("", "abc"), "abc");
  t.equal(to("abc", "abcd"), "abcd");
  t.equal(to("abcd", "acd"), "adc");
  t.equal(to("abcd", "abc"), "abc");
  t.equal(to("abcd", "axcd"), "axcd");
  t.equal(to("abcd", "xy"), "xy");
  t.equal(to("abcd", "d"), "d");
  t.equal(to("abcdef", "bxe"), "xbe");
  t.equal(to("ab", ""), "");
});

t.test("whatever happens, every backend has exactly one place", async (t) => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  let places: string[] = [];
  for (let i = 0; i < 500; i++) {
    const wanted = new Set([..."abcdefgh"].filter(() => random() < 0.5));
    places = arrange(places, wanted);
    if (places.length !== wanted.size || !places.every((p) => wanted.has(p)) || new Set(places).size !== wanted.size)
      t.fail(`${places} for ${[...wanted]}`);
  }
});
