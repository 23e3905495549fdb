import t from "tap";
import { frontendsOf } from "#agent/proxy/frontends.js";
import { ProxyTable } from "#agent/proxy/proxy-table.js";
import { NO_RULES, rulesFor } from "#agent/proxy/service-rules.js";
import { staleFlows } from "#agent/proxy/stale-flows.js";
import type { EndpointSlice, Service } from "#api/generated/types.js";
import { service, slice } from "#test/fixtures/services.js";

const backends = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`10.244.2.${i + 1}`, "b"]));

const on = (name: string, more: object = {}) => ({ name, addresses: [], reserved: new Set<string>(), ...more });

function put(table: ProxyTable, object: Service, slices: EndpointSlice[]) {
  const key = `default/${object.metadata.name}`;
  return table.change(new Map([[key, rulesFor(frontendsOf(object, slices, on("a")), table.rulesOf(key))]]));
}

t.test("one endpoint more or less touches that endpoint and the count, whatever else there is", async (t) => {
  const table = new ProxyTable();
  for (let i = 1; i < 50; i++) put(table, service(`other${i}`, `10.96.1.${i}`), [slice(`other${i}`, backends(20))]);
  const web = service("web", "10.96.0.9");
  put(table, web, [slice("web", backends(20))]);
  t.equal(put(table, web, [slice("web", backends(20))]).script.length, 0, "nothing new, nothing to do");
  const more = put(table, web, [slice("web", backends(21))]);
  t.same(more.script, [
    "add chain inet berth-proxy lb-tcp-21",
    "delete element inet berth-proxy services { 10.96.0.9 . tcp . 80 }",
    "add rule inet berth-proxy lb-tcp-21 dnat ip to ip daddr . tcp dport . numgen random mod 21 map @endpoints-tcp",
    "add element inet berth-proxy services { 10.96.0.9 . tcp . 80 : goto lb-tcp-21 }",
    "add element inet berth-proxy endpoints-tcp { 10.96.0.9 . 80 . 20 : 10.244.2.21 . 80 }",
  ]);
  const { "10.244.2.3": _third, ...rest } = backends(21);
  const less = put(table, web, [slice("web", rest)]);
  t.same(less.script, [
    "delete element inet berth-proxy endpoints-tcp { 10.96.0.9 . 80 . 2, 10.96.0.9 . 80 . 20 }",
    "delete element inet berth-proxy services { 10.96.0.9 . tcp . 80 }",
    "add element inet berth-proxy endpoints-tcp { 10.96.0.9 . 80 . 2 : 10.244.2.21 . 80 }",
    "add element inet berth-proxy services { 10.96.0.9 . tcp . 80 : goto lb-tcp-20 }",
  ]);
});

t.test("a service without endpoints is refused, a removed one leaves nothing", async (t) => {
  const table = new ProxyTable();
  const web = service("web", "10.96.0.9", { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] });
  const { script } = put(table, web, []);
  t.same(script, [
    "add element inet berth-proxy refused { 10.96.0.9 . tcp . 80 }",
    "add element inet berth-proxy refused-nodeports { tcp . 30080 }",
  ]);
  put(table, web, [slice("web", { "10.244.1.2": "a" })]);
  const gone = table.change(new Map([["default/web", NO_RULES]]));
  t.equal(gone.script.length, 5, "two verdicts, two endpoints, one hairpin");
  t.ok(gone.script.every((line) => line.startsWith("delete element")));
  t.notMatch(table.fullScript().join("\n"), /10\.96\.0\.9/);
});

t.test("policies, families and foreign services", async (t) => {
  const mixed = [slice("web", { "10.244.1.2": "a", "10.244.2.2": "b" })];
  const local = service("web", "10.96.0.9", {
    type: "NodePort",
    externalTrafficPolicy: "Local",
    externalIPs: ["203.0.113.7"],
    ports: [{ port: 80, nodePort: 30080 }],
  });
  const [cluster, external, node] = frontendsOf(local, mixed, on("a"));
  t.match(cluster, { ip: "10.96.0.9", masquerade: false, backends: [{ ip: "10.244.1.2" }, { ip: "10.244.2.2" }] });
  t.match(external, { ip: "203.0.113.7", masquerade: false });
  t.same(node?.backends, [{ ip: "10.244.1.2", port: 80, local: true }]);
  t.equal(frontendsOf(local, mixed, on("c"))[2]?.whenEmpty, "drop", "another node may answer");
  t.equal(frontendsOf(local, [], on("c"))[2]?.whenEmpty, "reject");
  t.same(frontendsOf(service("h", "None"), mixed, on("a")), []);
  t.same(frontendsOf(service("x", "", { type: "ExternalName", externalName: "x" }), mixed, on("a")), []);
  const ending = slice("web", { "10.244.1.9": "a" }, { port: 80 }, { ready: false, serving: true, terminating: true });
  t.equal(frontendsOf(service("web", "10.96.0.9"), [ending], on("a"))[0]?.backends.length, 1, "better than nobody");
  t.equal(frontendsOf(service("web", "10.96.0.9"), [ending, ...mixed], on("a"))[0]?.backends.length, 2);
});

t.test(
  "an address or port that two services want stays with the first, and goes to the second when it is free",
  async (t) => {
    const table = new ProxyTable();
    const named = (name: string, ip: string) => service(name, ip, { ports: [{ port: 80, nodePort: 30080 }] });
    put(table, named("one", "10.96.0.1"), [slice("one", { "10.244.2.1": "b" })]);
    const second = put(table, named("two", "10.96.0.2"), [slice("two", { "10.244.2.2": "b" })]);
    t.same([...second.conflicts], ["default/two"]);
    const two = rulesFor(
      frontendsOf(named("two", "10.96.0.2"), [slice("two", { "10.244.2.2": "b" })], on("a")),
      table.rulesOf("default/two"),
    );
    const freed = table.change(
      new Map([
        ["default/one", NO_RULES],
        ["default/two", two],
      ]),
    );
    t.equal(freed.conflicts.size, 0);
    t.match(freed.script.join("\n"), /nodeport-endpoints-tcp \{ 30080 \. 0 : 10\.244\.2\.2 \. 80 \}/);
  },
);

t.test("UDP flows to a backend that went are forgotten, others are not", async (t) => {
  const dns = service("dns", "10.96.0.10", { ports: [{ port: 53, protocol: "UDP", nodePort: 30053 }] });
  const of = (ips: Record<string, string>) =>
    rulesFor(frontendsOf(dns, [slice("dns", ips, { port: 53, protocol: "UDP" })], on("a")));
  t.same(staleFlows(of({ "10.244.1.2": "a", "10.244.2.2": "b" }), of({ "10.244.2.2": "b" })), [
    ["-D", "-p", "udp", "--orig-dst", "10.96.0.10", "--orig-port-dst", "53", "--dst-nat", "10.244.1.2"],
    ["-D", "-p", "udp", "--orig-port-dst", "30053", "--dst-nat", "10.244.1.2"],
  ]);
  t.same(staleFlows(of({ "10.244.1.2": "a" }), of({ "10.244.1.2": "a", "10.244.2.2": "b" })), []);
  const begun = [
    ["-D", "-p", "udp", "--orig-dst", "10.96.0.10", "--orig-port-dst", "53"],
    ["-D", "-p", "udp", "--orig-port-dst", "30053"],
  ];
  t.same(staleFlows(of({}), of({ "10.244.1.2": "a" })), begun, "a flow that began before anybody served");
});
