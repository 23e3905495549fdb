/** Copies, comparison and freezing of JSON values: what structuredClone and isDeepStrictEqual do, several times faster. */

type Json = Record<string, unknown>;

/** Sets a property of any name: assigning to `__proto__` would change the prototype instead. */
export function setProperty(object: Json, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else object[key] = value;
}

/** A deep copy that shares nothing with `value`, which may be frozen. Properties that are undefined are left out. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const list = new Array(value.length);
    for (let i = 0; i < value.length; i++) list[i] = cloneJson(value[i]);
    return list as T;
  }
  const copy: Json = {};
  for (const key in value) {
    const inner = (value as Json)[key];
    if (inner !== undefined) setProperty(copy, key, typeof inner === "object" ? cloneJson(inner) : inner);
  }
  return copy as T;
}

/** Deep equality. A property that is undefined equals one that is absent; the order of properties does not matter. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!equalJson(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  let extra = 0;
  for (const key in a) {
    const left = (a as Json)[key];
    if (left === undefined) continue;
    if (!Object.hasOwn(b, key) || !equalJson(left, (b as Json)[key])) return false;
    extra++;
  }
  for (const key in b) if ((b as Json)[key] !== undefined) extra--;
  return extra === 0;
}

/** Freezes `value` and everything in it, in place. What is frozen already is taken to be so all the way down. */
export function freezeJson<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const key in value) {
    const inner = (value as Json)[key];
    if (typeof inner === "object") freezeJson(inner);
  }
  return Object.freeze(value);
}
