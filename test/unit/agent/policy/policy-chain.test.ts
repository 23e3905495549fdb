import t from "tap";
import { policyChain } from "#agent/policy/policy-chain.js";
import { type Direction, rulesOf } from "#agent/policy/policy-rules.js";
import type { NetworkPolicySpec } from "#api/generated/types.js";
import { policy } from "#test/fixtures/policies.js";

/** Lines with the sets' names replaced by what is in them. */
function lines(spec: Partial<NetworkPolicySpec>, direction: Direction = "ingress", families: readonly (4 | 6)[] = [4]) {
  const chain = policyChain(rulesOf(policy("p", spec)), direction, families);
  const describe = (name: string) => {
    const set = chain.sets.find((one) => one.name === name);
    if (!set) return `?${name}`;
    const { namespaces, pods } = set.group;
    const text = (selector: string | typeof pods) =>
      typeof selector === "string" ? selector : selector.map(({ key, values }) => `${key}=${values}`).join(",") || "*";
    return `<${text(namespaces)}/${text(pods)}${set.port ? ` ${set.port.name}` : ""}${set.family === 6 ? " v6" : ""}>`;
  };
  return chain.lines.map((line) => line.replace(/@([\w-]+)/g, (_, name: string) => describe(name)));
}
const app = (name: string) => ({ matchLabels: { app: name } });
const from = (...peers: object[]) => ({ podSelector: app("web"), ingress: [{ from: peers }] });
const ports = (...list: object[]) => ({ podSelector: app("web"), ingress: [{ ports: list }] });

t.test("rules as lines", async (t) => {
  const cases: [string, Partial<NetworkPolicySpec>, string[]][] = [
    ["default deny", {}, []],
    ["an empty rule allows all", { ingress: [{}] }, ["accept"]],
    ["own namespace", from({ podSelector: app("a") }), ["ip saddr <default/app=a> accept"]],
    ["namespaces", from({ namespaceSelector: { matchLabels: { t: "a" } } }), ["ip saddr <t=a/*> accept"]],
    ["both", from({ namespaceSelector: {}, podSelector: app("a") }), ["ip saddr <*/app=a> accept"]],
    [
      "blocks are one set",
      from({ ipBlock: { cidr: "10.0.0.0/8" } }, { ipBlock: { cidr: "1.2.3.4/32" } }),
      ["ip saddr { 1.2.3.4, 10.0.0.0-10.255.255.255 } accept"],
    ],
    ["all addresses", from({ ipBlock: { cidr: "0.0.0.0/0" } }), ["meta nfproto ipv4 accept"]],
    ["a block of the other family lets nobody in", from({ ipBlock: { cidr: "::/0" } }), []],
    [
      "ports",
      ports({ port: 80 }, { port: 8000, endPort: 9000 }, { protocol: "UDP", port: 53 }, { protocol: "SCTP" }),
      [
        "meta l4proto tcp th dport { 80, 8000-9000 } accept",
        "meta l4proto udp th dport { 53 } accept",
        "meta l4proto sctp accept",
      ],
    ],
    [
      "a name is looked up with the policy's own pods",
      ports({ port: "http" }),
      ["ip daddr . meta l4proto . th dport <default/app=web http> accept"],
    ],
    [
      "each peer with each kind of port",
      {
        podSelector: app("web"),
        ingress: [
          { from: [{ podSelector: app("a") }, { podSelector: app("b") }], ports: [{ port: 80 }, { port: "http" }] },
        ],
      },
      [
        "ip saddr <default/app=a> meta l4proto tcp th dport { 80 } accept",
        "ip saddr <default/app=b> meta l4proto tcp th dport { 80 } accept",
        "ip saddr <default/app=a> ip daddr . meta l4proto . th dport <default/app=web http> accept",
        "ip saddr <default/app=b> ip daddr . meta l4proto . th dport <default/app=web http> accept",
      ],
    ],
  ];
  for (const [name, spec, expected] of cases) t.same(lines(spec), expected, name);
});

t.test("egress", async (t) => {
  const to = (peers: object[], list: object[] = []) => ({ egress: [{ to: peers, ports: list }] });
  const http = [{ port: "http" }];
  t.same(lines(to([{ podSelector: app("a") }]), "egress"), ["ip daddr <default/app=a> accept"]);
  t.same(lines(to([], http), "egress"), ["ip daddr . meta l4proto . th dport <*/* http> accept"], "of any pod");
  t.same(
    lines(to([{ podSelector: app("a") }, { ipBlock: { cidr: "10.0.0.0/8" } }], http), "egress"),
    [
      "ip daddr . meta l4proto . th dport <default/app=a http> accept",
      "ip daddr { 10.0.0.0-10.255.255.255 } ip daddr . meta l4proto . th dport <*/* http> accept",
    ],
    "of the peers",
  );
});

t.test("both families: what names no address stands once", async (t) => {
  t.same(lines({ ingress: [{}, { ports: [{ port: 80 }] }, { from: [{ podSelector: {} }] }] }, "ingress", [4, 6]), [
    "accept",
    "meta l4proto tcp th dport { 80 } accept",
    "ip saddr <default/*> accept",
    "ip6 saddr <default/* v6> accept",
  ]);
});

t.test("equal selectors share a set, whoever wrote them and in whatever order", async (t) => {
  const a = from({ podSelector: { matchLabels: { a: "1", b: "2" } } });
  const b = from({ podSelector: { matchLabels: { b: "2", a: "1" } } });
  const sets = [a, b].map((spec) => policyChain(rulesOf(policy("p", spec)), "ingress", [4]).sets[0]?.name);
  t.equal(sets[0], sets[1]);
  const elsewhere = policyChain(rulesOf(policy("p", a, "other")), "ingress", [4]).sets[0]?.name;
  t.not(elsewhere, sets[0], "of another namespace");
});
