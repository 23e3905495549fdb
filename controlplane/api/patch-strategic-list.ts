/**
 * Lists of objects in a strategic merge patch. An element is found by the list's merge key. Where that key is only part of
 * an element's identity (a Service may have port 53 twice, for TCP and for UDP) the other keys decide between elements
 * that share it, and $setElementOrder tells how many there shall be: so that none is lost, where upstream loses one.
 */
import { formatGo } from "./go-format.js";
import { cloneJson, equalJson } from "./json-value.js";
import { isObject, type Json, mergeObject } from "./patch-strategic.js";
import { inOrder } from "./patch-strategic-scalars.js";
import type { FieldSchema } from "./schema.js";
import { badRequest } from "./status-error.js";

interface Slot {
  readonly before: Json;
  /** The patch element that changes it. */
  change?: Json;
  deleted?: boolean;
}

class ListMerge {
  private readonly slots: Slot[];
  private readonly key: string;

  constructor(
    private readonly field: FieldSchema,
    private readonly original: readonly Json[],
    private readonly changes: readonly Json[],
    private readonly order: readonly Json[] | undefined,
  ) {
    this.key = field.mergeKey as string;
    this.slots = original.map((before) => ({ before }));
  }

  private sameKey(a: Json, b: Json): boolean {
    return equalJson(a[this.key], b[this.key]);
  }

  /** Equal in every identifying field that `change` states, and in those it leaves to their default. */
  private sameIdentity(element: Json, change: Json): boolean {
    const stated = (object: Json, key: string) => object[key] ?? this.field.struct?.fields.get(key)?.default;
    return (
      this.sameKey(element, change) && this.field.keys.every((k) => equalJson(stated(element, k), stated(change, k)))
    );
  }

  private present(like: Json): Slot[] {
    return this.slots.filter((slot) => !slot.deleted && this.sameKey(slot.before, like));
  }

  /** How many elements with this merge key there shall be, as far as the patch tells. */
  private wanted(like: Json): number | undefined {
    return this.order?.filter((element) => this.sameKey(element, like)).length;
  }

  /** Marks what a `$patch: delete` names: every element with its keys, or as many as are too many of them. */
  private delete(directive: Json): void {
    const wanted = this.wanted(directive) ?? 0;
    const present = this.present(directive);
    const named = present.filter((slot) =>
      this.field.keys.every((key) => directive[key] === undefined || equalJson(directive[key], slot.before[key])),
    );
    if (wanted === 0) for (const slot of this.order ? present : named) slot.deleted = true;
    const surplus = wanted === 0 ? 0 : Math.max(0, present.length - wanted);
    const free = present.filter((slot) => !slot.change);
    for (const slot of free.slice(Math.max(0, free.length - surplus))) slot.deleted = true;
  }

  /**
   * kubectl folds the change of an element and the deletion of another with the same merge key into one entry; where
   * some of them shall stay, its other fields are that change.
   */
  private foldedUpdate(directive: Json): Json[] {
    const { $patch: _, ...update } = directive;
    return (this.wanted(directive) ?? 0) > 0 && Object.keys(update).length > 1 ? [update] : [];
  }

  /** @returns the elements that are new */
  private match(): Json[] {
    const deletions = this.changes.filter((change) => change["$patch"] === "delete");
    const updates = this.changes.filter((change) => change["$patch"] === undefined);
    updates.push(...deletions.flatMap((directive) => this.foldedUpdate(directive)));
    if (!this.order) for (const directive of deletions) this.delete(directive);
    const open = updates.filter((update) => {
      const exact = this.present(update).find((slot) => !slot.change && this.sameIdentity(slot.before, update));
      if (exact) exact.change = update;
      return !exact;
    });
    if (this.order) for (const directive of deletions) this.delete(directive);
    return open.filter((update) => {
      const present = this.present(update);
      const wanted = this.wanted(update) ?? updates.filter((other) => this.sameKey(other, update)).length;
      const free = present.find((slot) => !slot.change);
      if (!free || wanted > present.length) return true;
      free.change = update;
      return false;
    });
  }

  run(): Json[] {
    const additions = this.match();
    const result: Json[] = [];
    for (const { before, change, deleted } of this.slots) {
      if (!deleted) result.push(change ? mergeObject(this.field.struct, before, change) : cloneJson(before));
    }
    for (const addition of additions) result.push(mergeObject(this.field.struct, {}, addition));
    const { order } = this;
    if (!order) return result;
    const at = (list: readonly Json[]) => (element: Json) => list.findIndex((other) => this.sameKey(other, element));
    return inOrder(result, at(order), at(this.original));
  }
}

function checkElements(list: readonly unknown[], mergeKey: string): Json[] {
  return list.map((element) => {
    if (!isObject(element)) throw badRequest("invalid patch format: a list of objects has an element that is none");
    const directive = element["$patch"];
    if (directive !== undefined && directive !== "delete" && directive !== "replace") {
      throw badRequest(
        directive === "merge"
          ? "merging lists cannot yet be specified in the patch"
          : `unknown patch type found in list: ${JSON.stringify(directive)}`,
      );
    }
    if (directive !== "replace" && element[mergeKey] === undefined) {
      throw badRequest(`map: ${formatGo(element)} does not contain declared merge key: ${mergeKey}`);
    }
    return element;
  });
}

export function mergeObjectList(
  field: FieldSchema,
  original: readonly unknown[],
  patch: readonly unknown[],
  order: readonly unknown[] | undefined,
): Json[] {
  const mergeKey = field.mergeKey as string;
  const changes = checkElements(patch, mergeKey);
  if (changes.some((change) => change["$patch"] === "replace")) {
    const rest = changes.filter((change) => change["$patch"] === undefined);
    return rest.map((change) => mergeObject(field.struct, {}, change));
  }
  const wished = order && checkElements(order, mergeKey);
  return new ListMerge(field, original as readonly Json[], changes, wished).run();
}
