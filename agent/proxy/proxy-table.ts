/**
 * The table's content as we know it, and the shortest way to the next one. Pure: it writes nft scripts and runs none. A change of
 * one endpoint is a handful of element commands, whatever else the table holds.
 */
import { layout, PROXY_TABLE, pickNeeds, pickRules } from "./layout.js";
import { NO_RULES, type ServiceRules } from "./service-rules.js";

const T = `inet ${PROXY_TABLE}`;

export interface TableChange {
  /** Commands for `nft -f -`, one transaction. Empty: nothing to do. */
  script: string[];
  /** How many elements, chains and sets it touches. */
  touched: number;
  /** Services that did not get an address or port because another one has it. */
  conflicts: ReadonlySet<string>;
}

interface Owned {
  owner: string;
  value: string;
}

export class ProxyTable {
  readonly #services = new Map<string, ServiceRules>();
  readonly #elements = new Map<string, Owned>();
  readonly #hairpins = new Map<string, number>();
  readonly #picks = new Set<string>();

  /** @param podCIDRs whose addresses are of the cluster itself */
  constructor(private readonly podCIDRs: readonly string[] = []) {}

  rulesOf(service: string): ServiceRules {
    return this.#services.get(service) ?? NO_RULES;
  }

  services(): string[] {
    return [...this.#services.keys()];
  }

  /** Takes the new rules of some services and says what to run. When that fails, run {@link fullScript}. */
  change(next: ReadonlyMap<string, ServiceRules>): TableChange {
    const before = new Map<string, string | undefined>();
    const note = (key: string, value: string | undefined) => before.has(key) || before.set(key, value);
    const chains = { added: new Map<string, readonly string[]>(), changed: new Map(), removed: new Set<string>() };
    const sets = { added: new Map<string, string>(), removed: new Set<string>() };
    for (const [service, rules] of next) this.#release(service, rules, note, chains.removed, sets.removed);
    const conflicts = new Set<string>();
    for (const [service, rules] of next) {
      const old = this.rulesOf(service);
      if (!this.#claim(service, rules, note)) conflicts.add(service);
      for (const [name, lines] of rules.chains) {
        const known = old.chains.get(name);
        if (!known) chains.added.set(name, lines);
        else if (known.join("\n") !== lines.join("\n")) chains.changed.set(name, lines);
      }
      for (const [name, text] of rules.sets) {
        if (old.sets.get(name) === text) continue;
        if (old.sets.has(name)) sets.removed.add(name);
        sets.added.set(name, text);
      }
      if (rules === NO_RULES) this.#services.delete(service);
      else this.#services.set(service, rules);
    }
    for (const name of this.#newPicks(next)) chains.added.set(name, pickRules(name));
    return { ...write(this.#difference(before), chains, sets), conflicts };
  }

  /** The whole table, in place of whatever there is under its name. */
  fullScript(): string[] {
    const rules = [...this.#services.values()];
    const chains = new Map([
      ...[...this.#picks].map((name) => [name, pickRules(name)] as const),
      ...rules.flatMap((service) => [...service.chains]),
    ]);
    const sets = new Map(rules.flatMap((service) => [...service.sets]));
    const elements = [
      ...[...this.#elements].map(([key, { value }]) => [key, value] as const),
      ...[...this.#hairpins.keys()].map((key) => [key, ""] as const),
    ];
    const added = write(
      elements.map(([key, after]) => ({ key, before: undefined, after })),
      { added: chains, changed: new Map(), removed: new Set() },
      { added: sets, removed: new Set() },
    );
    return [`add table ${T}`, `delete table ${T}`, `table ${T} {${layout(this.podCIDRs)}}`, ...added.script];
  }

  #release(
    service: string,
    rules: ServiceRules,
    note: (key: string, value: string | undefined) => void,
    chains: Set<string>,
    sets: Set<string>,
  ): void {
    const old = this.rulesOf(service);
    for (const key of old.elements.keys()) {
      const owned = this.#elements.get(key);
      if (owned?.owner !== service) continue;
      note(key, owned.value);
      this.#elements.delete(key);
    }
    for (const key of old.hairpins) {
      note(key, "");
      const left = (this.#hairpins.get(key) ?? 1) - 1;
      if (left > 0) this.#hairpins.set(key, left);
      else this.#hairpins.delete(key);
    }
    for (const name of old.chains.keys()) if (!rules.chains.has(name)) chains.add(name);
    for (const name of old.sets.keys()) if (!rules.sets.has(name)) sets.add(name);
  }

  /** @returns false when another service has one of the keys: it keeps it */
  #claim(service: string, rules: ServiceRules, note: (key: string, value: string | undefined) => void): boolean {
    let complete = true;
    for (const [key, value] of rules.elements) {
      const owned = this.#elements.get(key);
      if (owned && owned.owner !== service) {
        complete = false;
        continue;
      }
      note(key, undefined);
      this.#elements.set(key, { owner: service, value });
    }
    for (const key of rules.hairpins) {
      if (!this.#hairpins.has(key)) note(key, undefined);
      this.#hairpins.set(key, (this.#hairpins.get(key) ?? 0) + 1);
    }
    return complete;
  }

  #newPicks(next: ReadonlyMap<string, ServiceRules>): string[] {
    const needed = [...next.values()].flatMap((rules) => [...rules.picks].flatMap(pickNeeds));
    const fresh = [...new Set(needed)].filter((name) => !this.#picks.has(name));
    for (const name of fresh) this.#picks.add(name);
    return fresh;
  }

  #difference(before: ReadonlyMap<string, string | undefined>): ElementChange[] {
    return [...before].flatMap(([key, value]) => {
      const after = this.#elements.get(key)?.value ?? (this.#hairpins.has(key) ? "" : undefined);
      return value === after ? [] : [{ key, before: value, after }];
    });
  }
}

interface ElementChange {
  /** "set key" */
  key: string;
  before: string | undefined;
  after: string | undefined;
}

interface ChainChanges {
  added: ReadonlyMap<string, readonly string[]>;
  changed: ReadonlyMap<string, readonly string[]>;
  removed: ReadonlySet<string>;
}

interface SetChanges {
  added: ReadonlyMap<string, string>;
  removed: ReadonlySet<string>;
}

/** In an order in which nothing names what is not there yet, and nothing goes that is still named. */
function write(elements: readonly ElementChange[], chains: ChainChanges, sets: SetChanges) {
  const rules = (all: ReadonlyMap<string, readonly string[]>) =>
    [...all].flatMap(([name, lines]) => lines.map((line) => `add rule ${T} ${name} ${line}`));
  const gone = elements.filter((e) => e.before !== undefined);
  const come = elements.filter((e) => e.after !== undefined);
  const script = [
    ...[...chains.added.keys()].map((name) => `add chain ${T} ${name}`),
    ...grouped("delete", gone, () => ""),
    ...[...chains.changed.keys(), ...chains.removed].map((name) => `flush chain ${T} ${name}`),
    ...[...chains.removed].map((name) => `delete chain ${T} ${name}`),
    ...[...sets.removed].map((name) => `delete set ${T} ${name}`),
    ...[...sets.added].map(([name, text]) => `add set ${T} ${name} { ${text} }`),
    ...rules(chains.added),
    ...rules(chains.changed),
    ...grouped("add", come, ({ after }) => (after ? ` : ${after}` : "")),
  ];
  const others = [chains.added, chains.changed, chains.removed, sets.added, sets.removed];
  return { script, touched: elements.length + others.reduce((sum, some) => sum + some.size, 0) };
}

/** One command a set, with all its elements. */
function grouped(verb: string, elements: readonly ElementChange[], value: (e: ElementChange) => string): string[] {
  const bySet = new Map<string, string[]>();
  for (const element of elements) {
    const space = element.key.indexOf(" ");
    const set = element.key.slice(0, space);
    const list = bySet.get(set) ?? [];
    list.push(`${element.key.slice(space + 1)}${value(element)}`);
    bySet.set(set, list);
  }
  return [...bySet].map(([set, list]) => `${verb} element ${T} ${set} { ${list.join(", ")} }`);
}
