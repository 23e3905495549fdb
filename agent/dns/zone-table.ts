/** All parts of the zone by name. A change of one part touches that part's names only. */
import type { Record, ZonePart } from "./record.js";

interface Entry {
  records: Map<string, Record[]>;
  /** How many parts name it, and how many names below it exist. It goes when nothing holds it. */
  holders: number;
}

export class ZoneTable {
  readonly #parts = new Map<string, ZonePart>();
  readonly #entries = new Map<string, Entry>();

  set(part: ZonePart): void {
    this.remove(part.id);
    this.#parts.set(part.id, part);
    for (const name of namesOf(part)) this.#hold(name);
    for (const record of part.records) {
      const { records } = this.#entries.get(record.name)!;
      records.set(record.type, [...(records.get(record.type) ?? []), record]);
    }
  }

  remove(id: string): void {
    const part = this.#parts.get(id);
    if (!part) return;
    this.#parts.delete(id);
    for (const record of part.records) {
      const { records } = this.#entries.get(record.name)!;
      const rest = records.get(record.type)?.filter((other) => other !== record) ?? [];
      if (rest.length > 0) records.set(record.type, rest);
      else records.delete(record.type);
    }
    for (const name of namesOf(part)) this.#release(name);
  }

  clear(): void {
    this.#parts.clear();
    this.#entries.clear();
  }

  /** The name has records, or names below it do. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  get(name: string, type: string): readonly Record[] {
    return this.#entries.get(name)?.records.get(type) ?? [];
  }

  /** A name holds the one above it, as a folder exists while there is something in it. */
  #hold(name: string): void {
    const entry = this.#entries.get(name);
    if (entry) {
      entry.holders++;
      return;
    }
    this.#entries.set(name, { records: new Map(), holders: 1 });
    const parent = parentOf(name);
    if (parent) this.#hold(parent);
  }

  #release(name: string): void {
    const entry = this.#entries.get(name)!;
    if (--entry.holders > 0) return;
    this.#entries.delete(name);
    const parent = parentOf(name);
    if (parent) this.#release(parent);
  }
}

const namesOf = ({ records, names = [] }: ZonePart) => new Set([...records.map(({ name }) => name), ...names]);
const parentOf = (name: string) => (name.includes(".") ? name.slice(name.indexOf(".") + 1) : "");
