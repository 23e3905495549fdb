import t from "tap";
import type { NetworkPolicy } from "#api/generated/types.js";
import { networkPolicy as kind } from "#resources/networkpolicy/index.js";

function make(spec: object): NetworkPolicy {
  const object = structuredClone({ metadata: { name: "x", namespace: "default" }, spec }) as unknown as NetworkPolicy;
  kind.defaults?.(object);
  return object;
}

const texts = (spec: object) => (kind.validate?.(make(spec)) ?? []).map((e) => `${e.field}: ${e.message}`);
const column = (spec: object) => kind.columns?.find(({ name }) => name === "Pod-Selector")?.value(make(spec), 0);
const from = (...peers: object[]) => ({ podSelector: {}, ingress: [{ from: peers }] });
const ports = (...list: object[]) => ({ podSelector: {}, egress: [{ ports: list }] });
const block = (cidr: string, ...except: string[]) => from({ ipBlock: { cidr, except } });
const CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
const RANGE = "must be between 1 and 65535, inclusive";

t.test("defaults", async (t) => {
  t.same(make({}).spec, { podSelector: {}, policyTypes: ["Ingress"] });
  t.same(make({ egress: [{}] }).spec.policyTypes, ["Ingress", "Egress"]);
  t.same(make({ policyTypes: ["Egress"], ingress: [{}] }).spec.policyTypes, ["Egress"]);
  const { ingress, egress } = make({
    ingress: [{ ports: [{ port: 80 }] }],
    egress: [{ ports: [{ protocol: "UDP" }] }],
  }).spec;
  t.same([ingress, egress], [[{ ports: [{ port: 80, protocol: "TCP" }] }], [{ ports: [{ protocol: "UDP" }] }]]);
});

const good: [string, object][] = [
  ["default deny", { policyTypes: ["Ingress", "Egress"] }],
  ["everything", { podSelector: {}, ingress: [{}], egress: [{}] }],
  ["both selectors of one peer", from({ podSelector: {}, namespaceSelector: {} })],
  ["ipBlock with exceptions", block("10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/9")],
  ["ipBlock of IPv6", block("2001:db8::/32", "2001:db8:1::/48")],
  [
    "a port by name, a range, a protocol alone",
    ports({ port: "http" }, { port: 1, endPort: 65535 }, { protocol: "SCTP" }),
  ],
  ["a range of one", ports({ port: 80, endPort: 80 })],
];
for (const [name, spec] of good) t.test(`valid: ${name}`, async (t) => t.same(texts(spec), []));

const bad: [string, object, string[]][] = [
  [
    "selector",
    { podSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
    [
      "spec.podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
  ],
  [
    "peer's selectors",
    from({
      podSelector: { matchLabels: { a: "b c" } },
      namespaceSelector: { matchExpressions: [{ key: "a", operator: "X" }] },
    }),
    [
      "spec.ingress[0].from[0].podSelector.matchLabels: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      'spec.ingress[0].from[0].namespaceSelector.matchExpressions[0].operator: Invalid value: "X": not a valid selector operator',
    ],
  ],
  ["no peer", from({}), ["spec.ingress[0].from[0]: Required value: must specify a peer"]],
  [
    "block beside a selector",
    from({ ipBlock: { cidr: "10.0.0.0/8" }, podSelector: {} }),
    ["spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"],
  ],
  ["no range", block(""), ["spec.ingress[0].from[0].ipBlock.cidr: Required value"]],
  ["bad range", block("10.0.0.0", "x"), [`spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": ${CIDR}`]],
  [
    "bad exception",
    block("10.0.0.0/8", "x"),
    [`spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "x": ${CIDR}`],
  ],
  ...["192.168.0.0/16", "10.0.0.0/8", "0.0.0.0/0", "::/64"].map((except): [string, object, string[]] => [
    `exception ${except} outside`,
    block("10.0.0.0/8", except),
    [`spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "${except}": must be a strict subset of \`cidr\``],
  ]),
  ["port 0", ports({ port: 0 }), [`spec.egress[0].ports[0].port: Invalid value: 0: ${RANGE}`]],
  [
    "port name",
    ports({ port: "Web" }),
    [
      'spec.egress[0].ports[0].port: Invalid value: "Web": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
  ],
  [
    "protocol",
    ports({ protocol: "ICMP" }),
    ['spec.egress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'],
  ],
  [
    "range upside down",
    ports({ port: 80, endPort: 79 }),
    ["spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`"],
  ],
  [
    "range too far",
    ports({ port: 80, endPort: 65536 }),
    [`spec.egress[0].ports[0].endPort: Invalid value: 65536: ${RANGE}`],
  ],
  [
    "range from a name",
    ports({ port: "http", endPort: 90 }),
    ["spec.egress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric"],
  ],
  [
    "range from nothing",
    ports({ endPort: 90 }),
    ["spec.egress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is not specified"],
  ],
  [
    "type",
    { policyTypes: ["Ingress", "Sideways"] },
    ['spec.policyTypes[1]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"'],
  ],
  [
    "types",
    { policyTypes: ["Ingress", "Egress", "Ingress"] },
    ['spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes'],
  ],
];
for (const [name, spec, expected] of bad) t.test(`invalid: ${name}`, async (t) => t.same(texts(spec), expected));

t.test("a range with bits behind its prefix is kept, and remarked on", async (t) => {
  t.same(texts(block("10.0.0.5/8")), []);
  t.same(kind.warnings?.(make(block("10.0.0.5/8", "10.1.0.0/16"))), [
    'spec.ingress[0].from[0].ipBlock.cidr: CIDR value "10.0.0.5/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.5/32"?)',
  ]);
});

t.test("the selector's column", async (t) => {
  t.equal(column({}), "<none>");
  t.equal(column({ podSelector: { matchLabels: { app: "web" } } }), "app=web");
});
