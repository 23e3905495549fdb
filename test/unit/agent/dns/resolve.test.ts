import t from "tap";
import type { Record } from "#agent/dns/record.js";
import { resolve, type Zone } from "#agent/dns/resolve.js";
import { apexPart, namespacePart, servicePart } from "#agent/dns/zone.js";
import { ZoneTable } from "#agent/dns/zone-table.js";
import type { Namespace, Service } from "#api/generated/types.js";
import { parsePrefix } from "#cni/lib/addresses.js";
import { textOf } from "#test/fixtures/dns-text.js";
import { service, slice } from "#test/fixtures/services.js";

const DOMAIN = "cluster.local";
const zone: Zone = {
  domain: DOMAIN,
  table: new ZoneTable(),
  ranges: ["10.244.0.0/16", "10.96.0.0/16", "fd00:10::/64"].map(parsePrefix),
};
const add = (object: Service, ...slices: Parameters<typeof servicePart>[1]) =>
  zone.table.set(servicePart(object, slices, DOMAIN));

zone.table.set(apexPart(DOMAIN, "10.96.0.10"));
for (const name of ["default", "empty"]) zone.table.set(namespacePart({ metadata: { name } } as Namespace, DOMAIN));
add(service("web", "10.96.0.9", { ports: [{ name: "http", port: 80, protocol: "TCP" }] }));
add(service("db", "None"), slice("db", { "10.244.1.2": "n", "10.244.1.3": "n" }, { port: 1, name: "sql" }));
const alias = (name: string, externalName: string) => add(service(name, "", { type: "ExternalName", externalName }));
alias("out", "www.example.com");
alias("in", "web.default.svc.cluster.local");
alias("gone", "nobody.default.svc.cluster.local");
alias("ring-a", "ring-b.default.svc.cluster.local");
alias("ring-b", "ring-a.default.svc.cluster.local");

const lines = (records: readonly Record[]) =>
  records.map(({ name, type, data }) => `${name} ${type} ${textOf(data)}`.replaceAll(`.${DOMAIN}`, "…"));

/** "RCODE | answers | authorities | additionals | chase", or "elsewhere". */
function say(name: string, type: string): string {
  const found = resolve({ name: name.replace("…", `.${DOMAIN}`), type }, zone);
  if (!found) return "elsewhere";
  const { rcode, answers, authorities, additionals, chase } = found;
  const owners = authorities.map((record) => `${record.type} ${record.name}`);
  const parts = [lines(answers), owners, lines(additionals), chase ? [`${chase.type} ${chase.name}`] : []];
  return [rcode, ...parts.map((part) => part.join(", "))].join(" | ").replace(/( \| )+$/, "");
}

const SOA = "SOA cluster.local";
const DB = ["10.244.1.2", "10.244.1.3"];
const cases: readonly [name: string, type: string, expected: string][] = [
  ["web.default.svc…", "A", "NOERROR | web.default.svc… A 10.96.0.9"],
  ["web.default.svc…", "AAAA", `NOERROR |  | ${SOA}`],
  ["web.default.svc…", "UNKNOWN_65", `NOERROR |  | ${SOA}`],
  ["web.default.svc…", "ANY", "REFUSED"],
  ["cluster.local", "AXFR", "REFUSED"],
  ["nobody.default.svc…", "A", `NXDOMAIN |  | ${SOA}`],
  ["web.nowhere.svc…", "A", `NXDOMAIN |  | ${SOA}`],
  ["default.svc…", "A", `NOERROR |  | ${SOA}`],
  ["empty.svc…", "A", `NOERROR |  | ${SOA}`],
  ["nowhere.svc…", "A", `NXDOMAIN |  | ${SOA}`],
  ["svc…", "A", `NOERROR |  | ${SOA}`],
  ["_tcp.web.default.svc…", "SRV", `NOERROR |  | ${SOA}`],
  ["cluster.local", "A", `NOERROR |  | ${SOA}`],
  ["cluster.local", "NS", "NOERROR | cluster.local NS ns.dns…"],
  ["cluster.local", "SOA", "NOERROR | cluster.local SOA ns.dns… hostmaster… 1 7200 1800 86400 5"],
  [
    "_http._tcp.web.default.svc…",
    "SRV",
    "NOERROR | _http._tcp.web.default.svc… SRV 0 100 80 web.default.svc… |  | web.default.svc… A 10.96.0.9",
  ],
  ["db.default.svc…", "A", `NOERROR | ${DB.map((ip) => `db.default.svc… A ${ip}`).join(", ")}`],
  ["10-244-1-2.db.default.svc…", "A", "NOERROR | 10-244-1-2.db.default.svc… A 10.244.1.2"],
  ["9.0.96.10.in-addr.arpa", "PTR", "NOERROR | 9.0.96.10.in-addr.arpa PTR web.default.svc…"],
  ["9.0.96.10.in-addr.arpa", "A", "NOERROR |  | SOA in-addr.arpa"],
  ["8.0.96.10.in-addr.arpa", "PTR", "NXDOMAIN |  | SOA in-addr.arpa"],
  ["8.0.97.10.in-addr.arpa", "PTR", "elsewhere"],
  [`${"0.".repeat(20)}0.1.0.0.0.0.d.f.ip6.arpa`, "PTR", "elsewhere"],
  [`${"0.".repeat(24)}0.1.0.0.0.0.d.f.ip6.arpa`, "PTR", "NXDOMAIN |  | SOA ip6.arpa"],
  ["10-244-7-8.default.pod…", "A", "NOERROR | 10-244-7-8.default.pod… A 10.244.7.8"],
  ["10-244-7-8.default.pod…", "AAAA", `NOERROR |  | ${SOA}`],
  ["fd00--5.default.pod…", "AAAA", "NOERROR | fd00--5.default.pod… AAAA fd00::5"],
  ["10-244-7-8.nowhere.pod…", "A", `NXDOMAIN |  | ${SOA}`],
  ["10-244-7-256.default.pod…", "A", `NXDOMAIN |  | ${SOA}`],
  ["x.10-244-7-8.default.pod…", "A", `NXDOMAIN |  | ${SOA}`],
  ["out.default.svc…", "CNAME", "NOERROR | out.default.svc… CNAME www.example.com"],
  ["out.default.svc…", "A", "NOERROR | out.default.svc… CNAME www.example.com |  |  | A www.example.com"],
  ["in.default.svc…", "A", "NOERROR | in.default.svc… CNAME web.default.svc…, web.default.svc… A 10.96.0.9"],
  ["in.default.svc…", "AAAA", `NOERROR | in.default.svc… CNAME web.default.svc… | ${SOA}`],
  ["gone.default.svc…", "A", `NXDOMAIN | gone.default.svc… CNAME nobody.default.svc… | ${SOA}`],
  ["example.com", "A", "elsewhere"],
  ["notcluster.local", "A", "elsewhere"],
  ["", "NS", "elsewhere"],
];

for (const [name, type, expected] of cases) t.test(`${type} ${name}`, async (t) => t.equal(say(name, type), expected));

t.test("aliases in a ring end", async (t) => {
  t.match(say("ring-a.default.svc…", "A"), /^SERVFAIL \| ring-a.* CNAME ring-b.*, ring-b.* CNAME ring-a/);
});

t.test("what goes leaves nothing behind, what others still hold stays", async (t) => {
  const table = new ZoneTable();
  table.set({ id: "a", records: [{ name: "x.y.z", type: "A", ttl: 5, data: "1" }] });
  table.set({ id: "b", records: [{ name: "x.y.z", type: "A", ttl: 5, data: "2" }], names: ["w.y.z"] });
  table.remove("a");
  t.same(
    table.get("x.y.z", "A").map(({ data }) => data),
    ["2"],
  );
  table.set({ id: "b", records: [], names: ["w.y.z"] });
  t.notOk(table.has("x.y.z"));
  t.ok(table.has("w.y.z") && table.has("y.z") && table.has("z"));
  table.remove("b");
  table.remove("b");
  t.notOk(table.has("z"));
});
