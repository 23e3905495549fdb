/** Services on a lab of two nodes: from Pods, nodes, host-network Pods and outside; each kind, and changes between them. */
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import type { EndpointSlice, Endpoints, Pod, Service } from "#api/generated/types.js";
import type { LabNode } from "#scripts/lab/state.js";
import { proves } from "#test/proves.js";
import { openLab, until } from "./lab-session.js";

const session = await openLab(t);
const { lab } = session;
const [first, second] = lab.workers as [LabNode, LabNode];
const ns = await session.namespace(t, "services");
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}.js`, import.meta.url));

/** Node.js as the host has it, inside a container. */
const hosted = (...args: string[]) => ["chroot", "/host", process.execPath, ...args];

function echo(
  name: string,
  node: LabNode,
  more: { labels?: object; ports?: string[]; named?: object[]; spec?: object } = {},
) {
  const { labels = {}, ports = ["tcp/80", "udp/80", "tcp/81"], named, spec = {} } = more;
  const container = {
    name: "main",
    image: "busybox:latest",
    imagePullPolicy: "IfNotPresent",
    command: hosted(fixture("net-echo"), name, ...ports),
    ports: named,
    volumeMounts: [{ name: "host", mountPath: "/host", readOnly: true }],
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: {
      nodeName: node.name,
      terminationGracePeriodSeconds: 1,
      containers: [container],
      volumes: [{ name: "host", hostPath: { path: "/" } }],
      ...spec,
    },
  };
}

const service = (name: string, spec: object) => ({ apiVersion: "v1", kind: "Service", metadata: { name }, spec });
const script = (protocol: string, host: string, port: number, count: number) => [
  fixture("net-ask"),
  protocol,
  host,
  String(port),
  String(count),
];
const lines = (text: string) => text.trim().split("\n").filter(Boolean);
/** Answers to so many questions, as a Pod hears them. */
const ask = async (pod: string, host: string, port: number, count = 1, protocol = "tcp") =>
  lines(await ns.kubectl(["exec", pod, "--", ...hosted(...script(protocol, host, port, count))]));
const askFrom = async (node: LabNode, host: string, port: number, count = 1, protocol = "tcp") =>
  lines(await session.on(node, [process.execPath, ...script(protocol, host, port, count)]));
const names = (answers: string[]) => [...new Set(answers.map((answer) => answer.split(" ")[0]))].sort();
const get = (name: string) => ns.get<Service>("service", name);
const slices = (name: string) =>
  ns.list<EndpointSlice>("endpointslices", { labelSelector: `kubernetes.io/service-name=${name}` });
const addresses = async (name: string) =>
  (await slices(name))
    .flatMap((slice) => slice.endpoints.flatMap((e) => (e.conditions?.ready ? e.addresses : [])))
    .sort();
const endpointsAre = (name: string, ...ips: (string | undefined)[]) =>
  until(`endpoints of ${name}: ${ips}`, async () => (await addresses(name)).join() === ips.sort().join());
/** Whoever programs nodes is a moment behind the API. */
const eventually = (what: string, answers: () => Promise<string[]>, wanted: string) =>
  until(what, async () => names(await answers()).join() === wanted);

const ready = async (...pods: string[]) => {
  await ns.kubectl(["wait", "--for=condition=Ready", "--timeout=180s", ...pods.map((name) => `pod/${name}`)]);
};
await ns.apply(
  service("early", { selector: { app: "echo" }, ports: [{ name: "web-ui", port: 8080, targetPort: 80 }] }),
);
const { clusterIP: early = "" } = (await get("early")).spec;
// A Pod is told of the Services that its node knows when it comes.
await until("the node knows of it", async () => {
  const dig = ["dig", "@10.96.0.10", "+short", "+tries=1", `early.${ns.name}.svc.cluster.local`];
  return (await session.on(first, dig).catch(() => "")).trim() === early;
});
await ns.apply(
  echo("a", first, { labels: { app: "echo", only: "a" }, named: [{ name: "example", containerPort: 80 }] }),
  echo("b", second, { labels: { app: "echo", only: "b" }, named: [{ name: "example", containerPort: 81 }] }),
  echo("client", first, { ports: [] }),
  echo("host", second, { ports: [], spec: { hostNetwork: true } }),
);
await ready("a", "b", "client", "host");
const ips = new Map((await ns.list<Pod>("pods")).map((pod) => [pod.metadata.name, pod.status?.podIP ?? ""]));
const ip = (pod: string) => ips.get(pod) ?? "";
/** Upstream asks by name too: what stands on that is proven where the cluster has names. */
const hasDns = (await ns.kubectl(["exec", "client", "--", "cat", "/etc/resolv.conf"])).includes("10.96.0.10");
const provesWithNames = (t: Test, ...upstream: string[]) => hasDns && proves(t, ...upstream);
/** By the name as a Pod of the namespace would write it. */
const askByName = async (name: string, port: number) =>
  lines((await ns.tryKubectl(["exec", "client", "--", "nc", "-w", "10", name, String(port)])).stdout);

/** By address from a Pod, a host-network Pod and both nodes; by name from a Pod; by node port on every node. */
async function reachable(name: string, pods: string, protocol = "tcp"): Promise<void> {
  const { spec } = await get(name);
  for (const { port, nodePort, protocol: of = "TCP" } of (spec.ports ?? []).filter(
    (p) => (p.protocol ?? "TCP").toLowerCase() === protocol,
  )) {
    const everywhere = (host: string, at: number) => [
      eventually(`${name} from a Pod`, () => ask("client", host, at, 8, protocol), pods),
      eventually(`${name} from a node`, () => askFrom(second, host, at, 8, protocol), pods),
    ];
    await Promise.all(everywhere(spec.clusterIP ?? "", port));
    if (hasDns && protocol === "tcp")
      await until(`${name} by name`, async () => pods.includes((await askByName(name, port))[0]?.split(" ")[0] ?? "?"));
    if (!nodePort) continue;
    for (const node of lab.workers)
      await eventually(
        `${of} ${nodePort} on ${node.name}`,
        () => askFrom(lab.server, node.address, nodePort, 8, protocol),
        pods,
      );
  }
}

t.test("the API from any Pod, and what a Pod is told of Services", async (t) => {
  proves(
    t,
    "[sig-network] API Server should provide secure master service [Conformance]",
    "[sig-network] API Server should have Endpoints and EndpointSlices pointing to API Server [Conformance]",
  );
  const of = async <T>(kind: string, ...args: string[]) =>
    JSON.parse(await session.kubectl(["-n", "default", "get", kind, "-o", "json", ...args])) as T;
  const api = await of<Service>("service", "kubernetes");
  t.match(api.spec.ports, [{ name: "https", port: 443 }]);
  const listed = await of<Endpoints>("endpoints", "kubernetes");
  const { items } = await of<{ items: EndpointSlice[] }>(
    "endpointslices",
    "-l",
    "kubernetes.io/service-name=kubernetes",
  );
  t.same(
    items.flatMap((s) => s.endpoints.flatMap((e) => e.addresses.map((a) => `${a}:${s.ports?.[0]?.port}`))),
    listed.subsets?.flatMap((s) => (s.addresses ?? []).map((a) => `${a.ip}:${s.ports?.[0]?.port}`)),
  );
  for (const pod of ["client", "b", "host"]) t.same(await ask(pod, "10.96.0.1", 443, 1, "https"), ["200"], pod);
  const env = await ns.kubectl(["exec", "client", "--", "env"]);
  for (const line of [
    "KUBERNETES_SERVICE_HOST=10.96.0.1",
    "KUBERNETES_SERVICE_PORT_HTTPS=443",
    `EARLY_SERVICE_HOST=${early}`,
    "EARLY_SERVICE_PORT_WEB_UI=8080",
    `EARLY_PORT_8080_TCP=tcp://${early}:8080`,
  ])
    t.ok(env.split("\n").includes(line), line);
});

t.test("endpoints come and go; numbers, names and protocols of ports", async (t) => {
  proves(
    t,
    "[sig-network] EndpointSlice should create Endpoints and EndpointSlices for Pods matching a Service [Conformance]",
    "[sig-network] EndpointsController should create Endpoints for Pods matching a Service [Conformance]",
  );
  await ns.apply(
    service("number", { selector: { only: "a" }, ports: [{ name: "x", port: 8000, targetPort: 80 }] }),
    service("named", { selector: { app: "echo" }, ports: [{ name: "http", port: 80, targetPort: "example" }] }),
    service("none", { selector: { only: "z" }, ports: [{ name: "x", port: 80, targetPort: 8080 }] }),
    service("both", {
      selector: { app: "echo" },
      ports: [
        { name: "t", port: 80, protocol: "TCP" },
        { name: "u", port: 80, protocol: "UDP" },
        { name: "second", port: 90, targetPort: 81 },
      ],
    }),
  );
  await endpointsAre("number", ip("a"));
  await endpointsAre("named", ip("a"), ip("b"));
  t.match(
    await slices("named").then((all) => all.flatMap((s) => s.ports?.map(({ port }) => port) ?? []).sort()),
    [80, 81],
  );
  const subsets = async (name: string) => (await ns.tryGet<Endpoints>("endpoints", name))?.subsets?.length ?? 0;
  await until("subsets: one for each number behind the name", async () => (await subsets("named")) === 2);
  await until("a slice with no endpoints", async () => (await slices("none"))[0]?.endpoints.length === 0);
  await until("Endpoints without any", async () => (await ns.tryGet<Endpoints>("endpoints", "none")) !== undefined);
  t.equal(await subsets("none"), 0);
  await reachable("number", "a");
  await reachable("named", "a,b");
  await reachable("both", "a,b");
  await reachable("both", "a,b", "udp");
  const none = (await get("none")).spec.clusterIP ?? "";
  t.same(await ask("client", none, 80), ["ECONNREFUSED"], "no endpoints: refused");
  t.same(await ask("host", none, 80), ["ECONNREFUSED"], "also on the host's network");
  t.same(names(await ask("a", (await get("number")).spec.clusterIP ?? "", 8000)), ["a"], "a Pod reaches itself");
  await ns.kubectl(["delete", "endpointslices", "-l", "kubernetes.io/service-name=named"]);
  await endpointsAre("named", ip("a"), ip("b"));
  await ns.kubectl(["label", "pod", "a", "only=z", "--overwrite"]);
  await endpointsAre("number");
  await eventually("the label moved", () => ask("client", none, 80), "ECONNREFUSED");
  await ns.kubectl(["label", "pod", "a", "only=a", "--overwrite"]);
  await endpointsAre("number", ip("a"));
});

t.test("Pods that come and go behind a service of one port and one of two", async (t) => {
  provesWithNames(
    t,
    "[sig-network] Services should serve a basic endpoint from pods [Conformance]",
    "[sig-network] Services should serve multiport endpoints from pods [Conformance]",
  );
  const selector = { group: "short" };
  await ns.apply(
    service("basic", { selector, ports: [{ port: 80 }] }),
    service("multi", {
      selector,
      ports: [
        { name: "one", port: 80, targetPort: "one" },
        { name: "two", port: 81, targetPort: "two" },
      ],
    }),
  );
  const withPort = (name: string, node: LabNode, port: string, number: number) =>
    echo(name, node, {
      labels: selector,
      ports: ["tcp/80", `tcp/${number}`],
      named: [{ name: port, containerPort: number }],
    });
  const multi = async () =>
    (await slices("multi"))
      .flatMap((s) => s.endpoints.flatMap((e) => (s.ports ?? []).map((p) => `${e.addresses}:${p.port}`)))
      .sort()
      .join();
  const podIP = async (name: string) => (await ns.get<Pod>("pod", name)).status?.podIP ?? "";
  await ns.apply(withPort("x", first, "one", 100));
  await ready("x");
  const x = await podIP("x");
  await endpointsAre("basic", x);
  await until("the first port alone", async () => (await multi()) === `${x}:100`);
  await reachable("basic", "x");
  await ns.apply(withPort("y", second, "two", 101));
  await ready("y");
  const y = await podIP("y");
  await endpointsAre("basic", x, y);
  await until("both ports", async () => (await multi()) === [`${x}:100`, `${y}:101`].sort().join());
  const { clusterIP = "" } = (await get("multi")).spec;
  await eventually("the first port", () => ask("client", clusterIP, 80, 4), "x");
  await eventually("the second port", () => ask("client", clusterIP, 81, 4), "y");
  await reachable("basic", "x,y");
  await ns.kubectl(["delete", "pod", "x"]);
  await endpointsAre("basic", y);
  await until("one port", async () => (await multi()) === `${y}:101`);
  await reachable("basic", "y");
  await ns.kubectl(["delete", "pod", "y"]);
  await endpointsAre("basic");
  await until("no port", async () => (await multi()) === "");
});

t.test("one port number for two protocols, until one of them goes", async (t) => {
  provesWithNames(
    t,
    "[sig-network] Services should serve endpoints on same port and different protocols [Conformance]",
  );
  const { clusterIP = "" } = (await get("both")).spec;
  const set = (...protocols: string[]) =>
    ns.kubectl([
      "patch",
      "service",
      "both",
      "--type=merge",
      "-p",
      JSON.stringify({
        spec: { ports: protocols.map((protocol) => ({ name: protocol.toLowerCase(), port: 80, protocol })) },
      }),
    ]);
  const served = async () =>
    [...new Set((await slices("both")).flatMap((s) => (s.ports ?? []).map((p) => p.protocol)))].sort().join();
  await set("UDP");
  await until("UDP only", async () => (await served()) === "UDP");
  await eventually("UDP goes on", () => ask("client", clusterIP, 80, 4, "udp"), "a,b");
  await eventually("TCP is refused", () => ask("client", clusterIP, 80), "ECONNREFUSED");
  await set("UDP", "TCP");
  await until("both", async () => (await served()) === "TCP,UDP");
  await reachable("both", "a,b");
  await set("TCP");
  await until("TCP only", async () => (await served()) === "TCP");
  await eventually("UDP is refused", () => ask("client", clusterIP, 80, 1, "udp"), "ECONNREFUSED");
  await reachable("both", "a,b");
});

t.test("affinity: switched on and off, for the ClusterIP and the node port", async (t) => {
  for (const kind of ["service with type clusterIP", "NodePort service"])
    proves(
      t,
      `[sig-network] Services should have session affinity work for ${kind} [LinuxOnly] [Conformance]`,
      `[sig-network] Services should be able to switch session affinity for ${kind} [LinuxOnly] [Conformance]`,
    );
  await ns.apply(
    service("sticky", {
      type: "NodePort",
      selector: { app: "echo" },
      sessionAffinity: "ClientIP",
      ports: [{ port: 80 }],
    }),
  );
  await endpointsAre("sticky", ip("a"), ip("b"));
  const { spec } = await get("sticky");
  const ways = [
    [spec.clusterIP ?? "", 80],
    [second.address, spec.ports?.[0]?.nodePort ?? 0],
  ] as const;
  const set = (sessionAffinity: string) =>
    ns.kubectl(["patch", "service", "sticky", "-p", JSON.stringify({ spec: { sessionAffinity } })]);
  const seen = async (host: string, port: number) => names(await ask("client", host, port, 15)).length;
  const both = async (count: number, what: string) => {
    for (const [host, port] of ways)
      await until(`${what}: ${host}:${port}`, async () => (await seen(host, port)) === count);
  };
  await both(1, "on");
  await set("None");
  await both(2, "off");
  await set("ClientIP");
  await both(1, "on again");
});

t.test("from each type to the others", async (t) => {
  provesWithNames(
    t,
    "[sig-network] Services should be able to change the type from ClusterIP to ExternalName [Conformance]",
    "[sig-network] Services should be able to change the type from ExternalName to ClusterIP [Conformance]",
    "[sig-network] Services should be able to change the type from ExternalName to NodePort [Conformance]",
    "[sig-network] Services should be able to change the type from NodePort to ExternalName [Conformance]",
    "[sig-network] Services should be able to create a functioning NodePort service [Conformance]",
  );
  // An alias is a CNAME: of a name that the cluster knows, since there is no outside.
  const alias = async () => {
    const lookup = ["exec", "client", "--", "nslookup", `changing.${ns.name}.svc.cluster.local`];
    return !hasDns || (await ns.tryKubectl(lookup)).stdout.includes("canonical name");
  };
  const patch = (spec: object) => ns.kubectl(["patch", "service", "changing", "-p", JSON.stringify({ spec })]);
  const ports = [{ port: 80, targetPort: 80, protocol: "TCP" }];
  const externalName = `early.${ns.name}.svc.cluster.local`;
  await ns.apply(service("changing", { type: "ExternalName", externalName }));
  t.notOk((await get("changing")).spec.clusterIP);
  await patch({ type: "ClusterIP", externalName: null, selector: { app: "echo" }, ports });
  await endpointsAre("changing", ip("a"), ip("b"));
  await reachable("changing", "a,b");
  await patch({ type: "ExternalName", externalName });
  await until("an alias", alias);
  await patch({ type: "ClusterIP", externalName: null });
  await patch({ type: "NodePort" });
  await reachable("changing", "a,b");
  const { spec } = await get("changing");
  t.ok(spec.clusterIP && spec.ports?.[0]?.nodePort);
  await patch({ type: "ExternalName", externalName });
  const external = await get("changing");
  t.notOk(external.spec.clusterIP || external.spec.ports?.[0]?.nodePort);
  await eventually("the address is nobody's", () => ask("client", spec.clusterIP ?? "", 80), "ECONNREFUSED");
  await until("an alias again", alias);
  await patch({ type: "NodePort", externalName: null });
  await endpointsAre("changing", ip("a"), ip("b"));
  await reachable("changing", "a,b");
});

t.test("a load balancer: every node's address, and the client's where traffic stays", async (t) => {
  await ns.apply(
    service("lb", { type: "LoadBalancer", selector: { only: "b" }, ports: [{ port: 8088, targetPort: 80 }] }),
    service("ssh", { type: "LoadBalancer", selector: { app: "echo" }, ports: [{ port: 22, targetPort: 80 }] }),
  );
  const balanced = async (name: string) =>
    (await get(name)).status?.loadBalancer?.ingress?.map((entry) => entry.ip).join() ?? "";
  await until("addresses", async () => (await balanced("lb")) === [first.address, second.address].sort().join());
  for (const node of lab.workers)
    await eventually(`load balancer on ${node.name}`, () => askFrom(lab.server, node.address, 8088), "b");
  await until("why there is none for SSH", async () =>
    (await ns.eventsOf("ssh")).some((text) => /LoadBalancerPortTaken: .*keeps .*:22 for its own programs/.test(text)),
  );
  t.equal(await balanced("ssh"), "");

  await ns.kubectl(["patch", "service", "lb", "-p", JSON.stringify({ spec: { externalTrafficPolicy: "Local" } })]);
  await until("only the node with an endpoint", async () => (await balanced("lb")) === second.address);
  const { healthCheckNodePort = 0, ports = [] } = (await get("lb")).spec;
  const nodePort = ports[0]?.nodePort ?? 0;
  const sees = async (port: number) => (await askFrom(lab.server, second.address, port))[0]?.split(" ")[1];
  for (const port of [8088, nodePort])
    await until("the client is seen", async () => (await sees(port)) === lab.server.address);
  await eventually(
    "dropped where there is no endpoint",
    () => askFrom(lab.server, first.address, nodePort),
    "ETIMEDOUT",
  );
  t.same(names(await askFrom(first, first.address, nodePort)), ["b"], "but not for the node itself");
  const health = (node: LabNode) =>
    session.on(lab.server, [
      "curl",
      "-s",
      "-w",
      "%{http_code}",
      "-m",
      "20",
      `http://${node.address}:${healthCheckNodePort}/`,
    ]);
  const says = (node: LabNode, what: RegExp) =>
    until(`${node.name}'s health: ${what}`, async () => what.test(await health(node).catch(() => "")));
  await says(second, /"localEndpoints":1,.*200$/);
  await says(first, /"localEndpoints":0,.*503$/);
  for (const node of lab.workers)
    t.same(names(await askFrom(node, "127.0.0.1", nodePort)), ["b"], `loopback of ${node.name}`);
});

t.test("endpoints made by hand, in several slices", async (t) => {
  proves(
    t,
    "[sig-network] EndpointSlice should support a Service with multiple endpoint IPs specified in multiple EndpointSlices [Conformance]",
    "[sig-network] EndpointSlice should support a Service with multiple ports specified in multiple EndpointSlices [Conformance]",
  );
  const slice = (name: string, of: string, address: string, ports: object[]) => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, labels: { "kubernetes.io/service-name": of } },
    addressType: "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports,
  });
  const ports = [
    { name: "one", port: 80 },
    { name: "two", port: 81 },
  ];
  await ns.apply(
    service("addresses", { ports: [{ name: "one", port: 80 }] }),
    slice("addresses-1", "addresses", ip("a"), [ports[0]!]),
    slice("addresses-2", "addresses", ip("b"), [ports[0]!]),
    service("ports", { ports }),
    slice("ports-1", "ports", ip("a"), [ports[0]!]),
    slice("ports-2", "ports", ip("a"), [ports[1]!]),
    service("old", { ports: [{ port: 80 }] }),
    {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name: "old" },
      subsets: [{ addresses: [{ ip: ip("b") }], ports: [{ port: 80 }] }],
    },
  );
  await reachable("addresses", "a,b");
  await reachable("ports", "a");
  await reachable("old", "b");
});
