/** The shortest way from one content of the table to the next, as one nft transaction. Pure: writes scripts and runs none. */
import { LAYOUT, POLICY_TABLE } from "./layout.js";
import type { ChainContent, SetContent, TableContent } from "./table-content.js";

const T = `inet ${POLICY_TABLE}`;
const EMPTY: TableContent = { sets: new Map(), chains: new Map() };
const NO_ELEMENTS: ReadonlyMap<string, string> = new Map();

export interface TableChange {
  /** Commands for `nft -f -`. Empty: nothing to do. */
  script: string[];
  /** How many elements, chains and sets it touches. */
  touched: number;
}

/** The whole table, in place of whatever there is under its name: no packet meets anything in between. */
export function replacement(content: TableContent): TableChange {
  const { script, touched } = change(EMPTY, content);
  return { script: [`add table ${T}`, `delete table ${T}`, `table ${T} {${LAYOUT}}`, ...script], touched };
}

/** In an order in which nothing names what is not there yet, and nothing goes that is still named. */
export function change(before: TableContent, after: TableContent): TableChange {
  const sets = differences(before.sets, after.sets, () => true);
  const chains = differences(before.chains, after.chains, sameChain);
  const added = [...chains.added, ...chains.changed];
  const gone: string[] = [];
  const come: string[] = [];
  let touched = 0;
  for (const [name, { elements }] of after.sets) {
    const old = before.sets.get(name)?.elements ?? NO_ELEMENTS;
    if (old === elements) continue;
    const leaving = [...old].filter(([key, value]) => elements.get(key) !== value).map(([key]) => key);
    const coming = [...elements].filter(([key, value]) => old.get(key) !== value).map(elementText);
    if (leaving.length > 0) gone.push(`delete element ${T} ${name} { ${leaving.join(", ")} }`);
    if (coming.length > 0) come.push(`add element ${T} ${name} { ${coming.join(", ")} }`);
    touched += leaving.length + coming.length;
  }
  const script = [
    ...sets.added.flatMap(([name, set]) => declare(name, set)),
    ...chains.added.map(([name, { comment }]) => `add chain ${T} ${name} { comment "${comment}"; }`),
    ...chains.changed.map(([name]) => `flush chain ${T} ${name}`),
    ...added.flatMap(([name, { lines }]) => lines.map((line) => `add rule ${T} ${name} ${line}`)),
    ...gone,
    ...come,
    ...chains.removed.map((name) => `flush chain ${T} ${name}`),
    ...chains.removed.map((name) => `delete chain ${T} ${name}`),
    ...sets.removed.map((name) => `delete set ${T} ${name}`),
  ];
  touched += sets.removed.length + added.length + chains.removed.length;
  return { script, touched };
}

const elementText = ([key, value]: readonly [string, string]) => (value ? `${key} : ${value}` : key);

function declare(name: string, { declaration }: SetContent): string[] {
  return declaration === undefined ? [] : [`add set ${T} ${name} { ${declaration} }`];
}

function sameChain(a: ChainContent, b: ChainContent): boolean {
  return a.lines.length === b.lines.length && a.lines.every((line, i) => line === b.lines[i]);
}

function differences<V>(before: ReadonlyMap<string, V>, after: ReadonlyMap<string, V>, same: (a: V, b: V) => boolean) {
  const added: [string, V][] = [];
  const changed: [string, V][] = [];
  for (const [name, value] of after) {
    const old = before.get(name);
    if (old === undefined) added.push([name, value]);
    else if (!same(old, value)) changed.push([name, value]);
  }
  return { added, changed, removed: [...before.keys()].filter((name) => !after.has(name)) };
}
