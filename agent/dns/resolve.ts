/** From a question to what the cluster's zone says. Pure; no sockets, no bytes. */
import type { Prefix } from "#cni/lib/addresses.js";
import { fromDashed, fromReverse, isWithin } from "./names.js";
import { type Answer, bare, type Question, type Record, type Srv } from "./record.js";
import { ZONE_TTL } from "./zone.js";
import type { ZoneTable } from "./zone-table.js";

export interface Zone {
  /** "cluster.local" */
  domain: string;
  table: ZoneTable;
  /** Pod and service ranges: what their addresses are called is said here, and nobody else is asked. */
  ranges: readonly Prefix[];
}

export interface Resolution extends Answer {
  /** The answer ends in an alias for this name, which is not in the zone: others know what it stands for. */
  chase?: Question;
}

/** Aliases of aliases are followed so far; a ring of them ends there. */
const MAX_ALIASES = 8;
/** Types that ask for many records at once, or for a transfer of the zone. */
const REFUSED = new Set(["ANY", "AXFR", "IXFR", "MAILA", "MAILB"]);

/** @returns undefined when the name is not the cluster's: others may know it */
export function resolve(question: Question, zone: Zone): Resolution | undefined {
  if (REFUSED.has(question.type)) return bare("REFUSED");
  const apex = apexOf(question.name, zone);
  if (apex === undefined) return undefined;
  const answers: Record[] = [];
  let { name } = question;
  for (let aliases = 0; aliases <= MAX_ALIASES; aliases++) {
    const found = lookUp({ name, type: question.type }, zone);
    if (found.length > 0) {
      const all = [...answers, ...found];
      return { ...bare("NOERROR", true), answers: all, additionals: addressesOfTargets(all, zone) };
    }
    const [alias] = zone.table.get(name, "CNAME");
    if (!alias) return nothing(answers, exists(name, zone), apex);
    answers.push(alias);
    name = String(alias.data);
    if (apexOf(name, zone) === undefined)
      return { ...bare("NOERROR", true), answers, chase: { name, type: question.type } };
  }
  return { ...bare("SERVFAIL", true), answers };
}

/** No such name, or no such data: either way with the SOA, whose minimum says how long that may be remembered. */
function nothing(answers: readonly Record[], nameExists: boolean, apex: string): Resolution {
  return { ...bare(nameExists ? "NOERROR" : "NXDOMAIN", true), answers, authorities: [soa(apex)] };
}

/** The zone the name belongs to, if it is one of ours. */
function apexOf(name: string, { domain, table, ranges }: Zone): string | undefined {
  if (name === domain || name.endsWith(`.${domain}`)) return domain;
  const ip = name.endsWith(".arpa") ? fromReverse(name) : undefined;
  if (ip === undefined) return undefined;
  return table.has(name) || isWithin(ip, ranges) ? name.split(".").slice(-2).join(".") : undefined;
}

function lookUp({ name, type }: Question, zone: Zone): readonly Record[] {
  if (type === "SOA" && name === zone.domain) return [soa(name)];
  const stored = zone.table.get(name, type);
  if (stored.length > 0) return stored;
  const ip = podAddress(name, zone);
  const ipType = ip?.includes(":") ? "AAAA" : "A";
  return ip !== undefined && ipType === type ? [{ name, type, ttl: ZONE_TTL, data: ip }] : [];
}

const exists = (name: string, zone: Zone) => zone.table.has(name) || podAddress(name, zone) !== undefined;

/** "10-244-1-5.namespace.pod.cluster.local" is 10.244.1.5, whether or not a Pod has that address. */
function podAddress(name: string, { domain, table }: Zone): string | undefined {
  if (!name.endsWith(`.pod.${domain}`)) return undefined;
  const dot = name.indexOf(".");
  const namespace = name.slice(dot + 1);
  if (namespace.split(".").length !== domain.split(".").length + 2 || !table.has(namespace)) return undefined;
  return fromDashed(name.slice(0, dot));
}

/** The addresses of those that SRV records name, which spares the client the next question. */
function addressesOfTargets(answers: readonly Record[], { table }: Zone): Record[] {
  const targets = new Set(answers.filter(({ type }) => type === "SRV").map(({ data }) => (data as Srv).target));
  return [...targets].flatMap((name) => [...table.get(name, "A"), ...table.get(name, "AAAA")]);
}

function soa(apex: string): Record {
  const data = {
    mname: `ns.dns.${apex}`,
    rname: `hostmaster.${apex}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ZONE_TTL,
  };
  return { name: apex, type: "SOA", ttl: ZONE_TTL, data };
}
