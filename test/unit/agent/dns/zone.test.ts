import t from "tap";
import type { Record } from "#agent/dns/record.js";
import { apexPart, namespacePart, servicePart } from "#agent/dns/zone.js";
import type { EndpointSlice, Namespace, Service } from "#api/generated/types.js";
import { textOf } from "#test/fixtures/dns-text.js";
import { service, slice } from "#test/fixtures/services.js";

const DOMAIN = "cluster.local";

/** As dig prints them, the domain as "…". */
function lines(records: readonly Record[]): string[] {
  return records.map(({ name, type, data }) => `${name} ${type} ${textOf(data)}`.replaceAll(`.${DOMAIN}`, "…"));
}

const of = (object: Service, ...slices: EndpointSlice[]) => lines(servicePart(object, slices, DOMAIN).records);
const endpoint = (ip: string, extra: object = {}) => ({ addresses: [ip], conditions: { ready: true }, ...extra });
const sliceOf = (name: string, endpoints: object[], ports: object[], addressType = "IPv4") =>
  ({ ...slice(name, {}), addressType, endpoints, ports }) as unknown as EndpointSlice;

const sql = { name: "sql", port: 5432, protocol: "TCP" };

const cases: readonly [title: string, records: string[], expected: string[]][] = [
  [
    "ClusterIP: its address and back, SRV for each named port, its endpoints by address",
    of(
      service("web", "10.96.0.9", {
        ports: [
          { name: "http", port: 80, protocol: "TCP" },
          { name: "dns", port: 53, protocol: "UDP" },
        ],
      }),
      slice("web", { "10.244.1.2": "n" }),
    ),
    [
      "web.default.svc… A 10.96.0.9",
      "9.0.96.10.in-addr.arpa PTR web.default.svc…",
      "web.default.svc… SRV 0 100 80 web.default.svc…",
      "_http._tcp.web.default.svc… SRV 0 100 80 web.default.svc…",
      "web.default.svc… SRV 0 100 53 web.default.svc…",
      "_dns._udp.web.default.svc… SRV 0 100 53 web.default.svc…",
      "10-244-1-2.web.default.svc… A 10.244.1.2",
    ],
  ],
  [
    "a port without a name has no name of its own",
    of(service("web", "10.96.0.9")),
    [
      "web.default.svc… A 10.96.0.9",
      "9.0.96.10.in-addr.arpa PTR web.default.svc…",
      "web.default.svc… SRV 0 100 80 web.default.svc…",
    ],
  ],
  [
    "both families",
    of(service("web", "10.96.0.9", { clusterIPs: ["10.96.0.9", "fd00:96::9"], ports: [] })),
    [
      "web.default.svc… A 10.96.0.9",
      "9.0.96.10.in-addr.arpa PTR web.default.svc…",
      "web.default.svc… AAAA fd00:96::9",
      "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa PTR web.default.svc…",
    ],
  ],
  [
    "headless: every endpoint, by hostname where it has one, with the port it serves",
    of(
      service("db", "None", { ports: [{ name: "sql", port: 1, protocol: "TCP" }] }),
      sliceOf("db", [endpoint("10.244.1.3"), endpoint("10.244.1.2", { hostname: "db-0" })], [sql]),
    ),
    [
      "db.default.svc… A 10.244.1.2",
      "2.1.244.10.in-addr.arpa PTR db-0.db.default.svc…",
      "db.default.svc… SRV 0 50 5432 db-0.db.default.svc…",
      "_sql._tcp.db.default.svc… SRV 0 50 5432 db-0.db.default.svc…",
      "db.default.svc… A 10.244.1.3",
      "3.1.244.10.in-addr.arpa PTR 10-244-1-3.db.default.svc…",
      "db.default.svc… SRV 0 50 5432 10-244-1-3.db.default.svc…",
      "_sql._tcp.db.default.svc… SRV 0 50 5432 10-244-1-3.db.default.svc…",
      "db-0.db.default.svc… A 10.244.1.2",
      "10-244-1-3.db.default.svc… A 10.244.1.3",
    ],
  ],
  [
    "only ready endpoints; ready unless it says otherwise; one that is in two slices counts once",
    of(
      service("db", "None"),
      sliceOf("db", [endpoint("10.244.1.2", { conditions: { ready: false, serving: true } })], []),
      sliceOf("db", [endpoint("10.244.1.3", { conditions: {} })], []),
      sliceOf("db", [endpoint("10.244.1.3")], []),
    ),
    [
      "db.default.svc… A 10.244.1.3",
      "3.1.244.10.in-addr.arpa PTR 10-244-1-3.db.default.svc…",
      "10-244-1-3.db.default.svc… A 10.244.1.3",
    ],
  ],
  ["headless without endpoints: no name at all", of(service("db", "None"), slice("db", {})), []],
  [
    "slices of host names are nobody's addresses",
    of(service("db", "None"), sliceOf("db", [endpoint("a.example")], [], "FQDN")),
    [],
  ],
  [
    "ExternalName",
    of(service("ext", "", { type: "ExternalName", externalName: "Foo.Example.com." })),
    ["ext.default.svc… CNAME foo.example.com"],
  ],
  [
    "a name that fits in no message is left out",
    of(service("ext", "", { type: "ExternalName", externalName: `${"x".repeat(64)}.com` })),
    [],
  ],
];

for (const [title, records, expected] of cases) t.test(title, async (t) => t.same(records, expected));

t.test("the zone itself and namespaces", async (t) => {
  const apex = apexPart(DOMAIN, "10.96.0.10");
  t.same(lines(apex.records), ["cluster.local NS ns.dns…", "ns.dns… A 10.96.0.10", "dns-version… TXT 1.1.0"]);
  const namespace = { metadata: { name: "shop" } } as Namespace;
  t.same(namespacePart(namespace, DOMAIN), {
    id: "namespace shop",
    records: [],
    names: ["shop.svc.cluster.local", "shop.pod.cluster.local"],
  });
});
