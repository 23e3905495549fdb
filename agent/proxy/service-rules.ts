/** One service in the table: which elements, and for client affinity which chains and sets. Pure. */
import { createHash } from "node:crypto";
import { formatPrefix, networkOf, overlaps, type Prefix, parsePrefix } from "#cni/lib/addresses.js";
import { arrange } from "./arrange.js";
import type { Backend } from "./backends.js";
import type { Frontend } from "./frontends.js";
import { endpointMap, MARK_RULE, NEAR_PLACES, pickChain } from "./layout.js";

export interface ServiceRules {
  /** "set key" → the value; "" in a set. Keys are unique in the table: see `ProxyTable` for two that want the same. */
  elements: ReadonlyMap<string, string>;
  /** Shared picking chains that must exist. */
  picks: ReadonlySet<string>;
  /** Chains of this service alone, with their rules, in an order in which each only names earlier ones. */
  chains: ReadonlyMap<string, readonly string[]>;
  /** Sets of this service alone: name → declaration. */
  sets: ReadonlyMap<string, string>;
  /** Local endpoints that may meet themselves: "hairpin ip . ip". Other services may share them. */
  hairpins: ReadonlySet<string>;
  /** Frontend → places, for the next change. */
  places: ReadonlyMap<string, readonly string[]>;
  /** UDP frontends and their backends: flows to those that go must be forgotten. */
  udp: ReadonlyMap<string, Frontend>;
}

interface Draft {
  elements: Map<string, string>;
  picks: Set<string>;
  chains: Map<string, string[]>;
  sets: Map<string, string>;
  hairpins: Set<string>;
  places: Map<string, string[]>;
  udp: Map<string, Frontend>;
}

export const NO_RULES: ServiceRules = {
  elements: new Map(),
  picks: new Set(),
  chains: new Map(),
  sets: new Map(),
  hairpins: new Set(),
  places: new Map(),
  udp: new Map(),
};

/** @param previous the service's rules until now: backends keep their places */
export function rulesFor(frontends: readonly Frontend[], previous: ServiceRules = NO_RULES): ServiceRules {
  const draft: Draft = {
    elements: new Map(),
    picks: new Set(),
    chains: new Map(),
    sets: new Map(),
    hairpins: new Set(),
    places: new Map(),
    udp: new Map(),
  };
  for (const frontend of frontends) addFrontend(draft, frontend, previous);
  return draft;
}

const suffixOf = ({ family }: Frontend) => (family === 6 ? "6" : "");
const ipOf = ({ family }: Frontend) => (family === 6 ? "ip6" : "ip");
const endpointText = ({ ip, port }: Backend) => `${ip} . ${port}`;
const hash = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** The frontend as key of its maps. */
function keyOf({ kind, ip, protocol, port }: Frontend): string {
  return kind === "address" ? `${ip} . ${protocol} . ${port}` : `${protocol} . ${port}`;
}

const idOf = (frontend: Frontend) => `${frontend.kind}${suffixOf(frontend)} ${keyOf(frontend)}`;

function addFrontend(draft: Draft, frontend: Frontend, previous: ServiceRules): void {
  const suffix = suffixOf(frontend);
  const key = keyOf(frontend);
  const isAddress = frontend.kind === "address";
  const { backends, inside } = frontend;
  if (frontend.protocol === "udp") draft.udp.set(idOf(frontend), frontend);
  if (backends.length === 0 && !inside) {
    const set = frontend.whenEmpty === "reject" ? "refused" : "dropped";
    draft.elements.set(`${set}${isAddress ? "" : "-nodeports"}${suffix} ${key}`, "");
    return;
  }
  for (const { ip, local } of [...backends, ...(inside ?? [])])
    if (local) draft.hairpins.add(`hairpin${suffix} ${ip} . ${ip}`);
  const verdict = addSources(draft, frontend, addVerdict(draft, frontend, previous));
  draft.elements.set(`${isAddress ? "services" : "nodeports"}${suffix} ${key}`, `goto ${verdict}`);
}

function addVerdict(draft: Draft, frontend: Frontend, previous: ServiceRules): string {
  const { inside, ...plain } = frontend;
  return inside ? addNear(draft, frontend, previous) : addChoice(draft, plain, previous, false);
}

/** One of the frontend's backends. @param near whether they have the places of those that must stay on this node */
function addChoice(draft: Draft, frontend: Frontend, previous: ServiceRules, near: boolean): string {
  const id = `${idOf(frontend)}${near ? " near" : ""}`;
  const places = arrange(previous.places.get(id) ?? [], new Set(frontend.backends.map(endpointText)));
  draft.places.set(id, places);
  return frontend.affinitySeconds ? addAffinity(draft, frontend, id, places) : addPick(draft, frontend, places, near);
}

/** Clients of the cluster itself go to any endpoint, those from elsewhere only to one on this node. */
function addNear(draft: Draft, frontend: Frontend, previous: ServiceRules): string {
  const { inside = [], backends } = frontend;
  const anywhere = { ...frontend, backends: inside };
  const pods = addChoice(draft, { ...anywhere, masquerade: false }, previous, false);
  const chain = `near-${hash(idOf(frontend))}`;
  const outside = backends.length > 0 ? `goto ${addChoice(draft, frontend, previous, true)}` : "drop";
  draft.chains.set(chain, [
    `${ipOf(frontend)} saddr @pods${suffixOf(frontend)} goto ${pods}`,
    `fib saddr type local ${MARK_RULE} goto ${pods}`,
    outside,
  ]);
  return chain;
}

/** Lets through only who comes from where the service says. */
function addSources(draft: Draft, frontend: Frontend, verdict: string): string {
  const { sources } = frontend;
  if (!sources) return verdict;
  const chain = `from-${hash(idOf(frontend))}`;
  const allowed = disjointPrefixes(sources).join(", ");
  draft.chains.set(chain, allowed ? [`${ipOf(frontend)} saddr { ${allowed} } goto ${verdict}`, "drop"] : ["drop"]);
  return chain;
}

/** The same addresses without a prefix inside another one: nft refuses those. */
function disjointPrefixes(cidrs: readonly string[]): string[] {
  const networks = cidrs.map((cidr) => networkOf(parsePrefix(cidr))).sort((a, b) => a.length - b.length);
  const kept: Prefix[] = [];
  for (const network of networks) if (!kept.some((wider) => overlaps(wider, network))) kept.push(network);
  return kept.map(formatPrefix);
}

function addPick(draft: Draft, frontend: Frontend, places: readonly string[], near: boolean): string {
  const { ip, port } = frontend;
  const asked = ip === undefined ? `${port}` : `${ip} . ${port}`;
  for (const [place, value] of places.entries())
    draft.elements.set(`${endpointMap(frontend)} ${asked} . ${place + (near ? NEAR_PLACES : 0)}`, value);
  const chain = pickChain({ ...frontend, count: places.length, near });
  draft.picks.add(chain);
  return chain;
}

/** A set of recent clients and a chain for each backend, and a chain that asks the sets before it picks. */
function addAffinity(draft: Draft, frontend: Frontend, id: string, places: readonly string[]): string {
  const ip = ipOf(frontend);
  const type = frontend.family === 6 ? "ipv6_addr" : "ipv4_addr";
  // The time is part of the name: another time is another set, and the old one can go with the rules that name it.
  const backends = places.map((value) => ({ name: hash(`${id} ${value} ${frontend.affinitySeconds}`), value }));
  for (const { name, value } of backends) {
    const [address, port] = value.split(" . ");
    const timeout = `${frontend.affinitySeconds}s`;
    draft.sets.set(`clients-${name}`, `type ${type}; flags dynamic,timeout; timeout ${timeout}; size 65536;`);
    const target = frontend.family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
    draft.chains.set(`to-${name}`, [
      `update @clients-${name} { ${ip} saddr }`,
      `meta l4proto ${frontend.protocol} dnat ${ip} to ${target}`,
    ]);
  }
  const chain = `affinity-${hash(id)}`;
  const table = backends.map(({ name }, place) => `${place} : goto to-${name}`).join(", ");
  draft.chains.set(chain, [
    ...(frontend.masquerade ? [MARK_RULE] : []),
    ...backends.map(({ name }) => `${ip} saddr @clients-${name} goto to-${name}`),
    `numgen random mod ${backends.length} vmap { ${table} }`,
  ]);
  return chain;
}
