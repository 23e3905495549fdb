import t from "tap";
import { cloneJson, equalJson, freezeJson } from "#api/json-value.js";

t.test("copies share nothing", async (t) => {
  const original = freezeJson({ a: [{ b: 1 }], c: { d: null }, e: undefined as string | undefined });
  const copy = cloneJson(original);
  (copy.a[0] as { b: number }).b = 2;
  t.equal(original.a[0]?.b, 1);
  t.notOk("e" in copy);
  t.throws(() => {
    (original.c as { d: unknown }).d = 1;
  }, TypeError);
  const odd = cloneJson(JSON.parse('{"__proto__": {"x": 1}}')) as object;
  t.same(Object.keys(odd), ["__proto__"]);
  t.notOk("x" in odd);
});

t.test("equality is by value", async (t) => {
  t.ok(equalJson({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }));
  t.ok(equalJson({ a: undefined }, {}));
  t.notOk(equalJson({ a: 1 }, { a: 1, b: 2 }));
  t.notOk(equalJson({ a: 1, b: 2 }, { a: 1 }));
  t.notOk(equalJson([1, 2], [2, 1]));
  t.notOk(equalJson([], {}));
  t.notOk(equalJson({ toString: 1 }, {}));
  t.notOk(equalJson(null, {}));
});
