/**
 * Sets of field paths in the form managedFields stores them (FieldsV1): nested objects whose keys are `f:<field>`,
 * `k:<keys of a list element>` and `v:<element of a set>`. A path is in the set when its node is empty or has a `.`.
 * Sets are never changed once made: operations return new ones, and the same one when there is nothing to change.
 */

export interface FieldSet {
  readonly [key: string]: FieldSet;
}

/** A set under construction. */
export interface MutableFieldSet {
  [key: string]: FieldSet;
}

/** The set that holds just the path it stands at. */
export const LEAF: FieldSet = Object.freeze({});

const SELF = ".";

function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** The path that the set stands at is in it. */
export const holdsSelf = (set: FieldSet) => isEmpty(set) || SELF in set;

/** Everything in `a` or in `b`. Returns `a` itself when it has all of `b`. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  let result: MutableFieldSet | undefined;
  const put = (key: string, value: FieldSet) => {
    if (!result) {
      result = {};
      if (isEmpty(a)) result[SELF] = LEAF;
      Object.assign(result, a);
    }
    result[key] = value;
  };
  if (isEmpty(b)) return holdsSelf(a) ? a : { [SELF]: LEAF, ...a };
  for (const key in b) {
    if (key === SELF && isEmpty(a)) continue;
    const left = a[key];
    const merged = left ? union(left, b[key] as FieldSet) : (b[key] as FieldSet);
    if (merged !== left) put(key, merged);
  }
  return result ?? a;
}

/** What is in `a` and not in `b`; undefined when that is nothing. `deep`: a path in `b` takes with it all below it. */
export function difference(a: FieldSet, b: FieldSet, deep: boolean): FieldSet | undefined {
  if (deep && isEmpty(b)) return undefined;
  const self = holdsSelf(a) && !holdsSelf(b);
  let changed = self !== holdsSelf(a);
  const result: MutableFieldSet = {};
  let empty = true;
  for (const key in a) {
    if (key === SELF) continue;
    const left = a[key] as FieldSet;
    const right = b[key];
    const rest = right ? difference(left, right, deep) : left;
    if (rest !== left) changed = true;
    if (!rest) continue;
    if (empty && self) result[SELF] = LEAF;
    result[key] = rest;
    empty = false;
  }
  if (!changed) return a;
  if (!empty) return result;
  return self ? LEAF : undefined;
}

/** What is in both; undefined when that is nothing. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet | undefined {
  const result: MutableFieldSet = {};
  if (holdsSelf(a) && holdsSelf(b)) result[SELF] = LEAF;
  for (const key in a) {
    const both = key !== SELF && b[key] ? intersection(a[key] as FieldSet, b[key]) : undefined;
    if (both) result[key] = both;
  }
  if (isEmpty(result)) return undefined;
  return Object.keys(result).length === 1 && SELF in result ? LEAF : result;
}

export const sameFields = (a: FieldSet, b: FieldSet): boolean => !difference(a, b, false) && !difference(b, a, false);

/** `.spec.containers[name="web"].image`, `.metadata.finalizers[="a/b"]`, sorted: how people are told of fields. */
export function pathsOf(set: FieldSet, at = ""): string[] {
  const paths = at && holdsSelf(set) ? [at] : [];
  for (const key of Object.keys(set).sort())
    if (key !== SELF) paths.push(...pathsOf(set[key] as FieldSet, at + pathStep(key)));
  return paths;
}

/** `k:{"name":"web"}` as a step of such a path. */
export function pathStep(key: string): string {
  const rest = key.slice(2);
  if (key.startsWith("f:")) return `.${rest}`;
  if (key.startsWith("v:")) return `[=${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",")}]`;
}
