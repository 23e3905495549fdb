/** Services and their endpoints through the whole API: status, collections, allocation, load balancer, mirroring, hints. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { EndpointSlice, Service } from "#api/generated/types.js";
import type { KubeObject, WatchEvent } from "#api/object.js";
import { endpointSlices, endpoints, events, ipAddresses, nodes, pods, serviceCIDRs, services } from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { isNotFound, type StatusError } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";
import { startHollowNode } from "#test/fixtures/hollow-node.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const api = await TestServer.start(t);
const client = api.rest();
const port = { port: 80, protocol: "TCP" };
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;
const strategic = (body: object) => ({ type: "application/strategic-merge-patch+json", body }) as const;
const create = (name: string, spec: object, labels?: Record<string, string>): Promise<Service> =>
  client.create(services, { metadata: { name, namespace, labels }, spec: spec as Service["spec"] });
const get = (name: string) => client.get(services, name, namespace);
const slicesOf = async (name: string): Promise<EndpointSlice[]> =>
  (await client.list(endpointSlices, { namespace, labelSelector: `kubernetes.io/service-name=${name}` })).items;
const soon = (what: string, check: () => Promise<boolean>) =>
  eventually(async () => ((await check()) ? true : undefined), what);
const gone = (ref: ResourceRef, name: string) =>
  soon(`${name} gone`, () =>
    client.get(ref, name, namespace).then(
      () => false,
      (error) => isNotFound(error),
    ),
  );
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: StatusError) => `${error.code} ${error.message}`,
  );

/** What a watcher of a label sees from now on. */
async function watching<T extends KubeObject>(t: Test, ref: ResourceRef<T>, labelSelector: string) {
  const { metadata } = await client.list(ref, { labelSelector });
  const seen: WatchEvent<T>[] = [];
  const query = { namespace, labelSelector, resourceVersion: metadata.resourceVersion ?? "" };
  const watch = client.watch(ref, query, { onEvents: (list) => seen.push(...list), onEnd: () => undefined });
  t.teardown(() => watch.close());
  return (what: string, check: (event: WatchEvent<T>) => boolean) =>
    eventually(() => seen.find(check), `a watcher is told: ${what}`);
}

t.test("a service's status: read, patched, updated, kept through a patch of labels, gone", async (t) => {
  proves(t, "[sig-network] Services should complete a service status lifecycle [Conformance]");
  const told = await watching(t, services, "static=true");
  await create("status", { type: "LoadBalancer", ports: [{ ...port, name: "http" }] }, { static: "true" });
  await told("added", ({ type, object }) => type === "ADDED" && object.metadata.name === "status");
  const path = `/api/v1/namespaces/${namespace}/services/status/status`;
  t.match((await api.call("GET", path)).json, { kind: "Service", status: { loadBalancer: {} } });
  const ingress = [{ ip: "203.0.113.1" }];
  const patched = await client.patch(
    services,
    "status",
    merge({ metadata: { annotations: { patchedstatus: "true" } }, status: { loadBalancer: { ingress } } }),
    { namespace, subresource: "status" },
  );
  t.match(patched.status?.loadBalancer?.ingress, [{ ip: "203.0.113.1", ipMode: "VIP" }]);
  await told("annotated", ({ object }) => object.metadata.annotations?.["patchedstatus"] === "true");
  const condition = {
    type: "StatusUpdate",
    status: "True",
    reason: "E2E",
    message: "Set",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
  await eventually(async () => {
    const now = await get("status");
    const status = { ...now.status, conditions: [condition] };
    // Somebody else writes the status too: a conflict is tried again, as every client does.
    return client.update(services, { ...now, status }, { subresource: "status" }).catch(() => undefined);
  }, "status updated");
  await told("condition", ({ object }) => object.status?.conditions?.[0]?.message === "Set");
  await client.patch(services, "status", strategic({ metadata: { labels: { test: "patched" } } }), { namespace });
  await told("label", ({ object }) => object.metadata.labels?.["test"] === "patched");
  t.match((await get("status")).status?.conditions, [{ reason: "E2E" }]);
  await client.delete(services, "status", namespace);
  await told("deleted", ({ type }) => type === "DELETED");
});

t.test("services of all namespaces, and a collection deleted by label", async (t) => {
  proves(
    t,
    "[sig-network] Services should find a service from listing all namespaces [Conformance]",
    "[sig-network] Services should delete a collection of services [Conformance]",
  );
  const all = (await client.list(services)).items;
  t.ok(all.some(({ metadata }) => metadata.name === "kubernetes" && metadata.namespace === "default"));
  for (const name of ["one", "two", "three"])
    await create(name, { ports: [port] }, { collection: "yes", more: name === "three" ? "stays" : "goes" });
  const names = async () =>
    (await client.list(services, { namespace, labelSelector: "collection=yes" })).items.map((s) => s.metadata.name);
  t.same((await names()).sort(), ["one", "three", "two"]);
  await client.deleteCollection(services, { namespace, labelSelector: "more=goes" });
  t.same(await names(), ["three"]);
  await client.delete(services, "three", namespace);
});

t.test("the life of an Endpoints object", async (t) => {
  proves(t, "[sig-network] Endpoints should test the lifecycle of an Endpoint [Conformance]");
  const told = await watching(t, endpoints, "test-endpoint=true");
  const subset = { addresses: [{ ip: "10.0.0.24" }], ports: [{ name: "http", port: 80, protocol: "TCP" }] };
  const metadata = { name: "life", namespace, labels: { "test-endpoint": "true" } };
  const made = await client.create(endpoints, { metadata, subsets: [subset] });
  await told("added", ({ type }) => type === "ADDED");
  t.equal((await client.list(endpoints, { labelSelector: "test-endpoint=true" })).items.length, 1, "in all namespaces");
  const labels = { ...metadata.labels, updated: "true" };
  await client.update(endpoints, { ...made, metadata: { ...made.metadata, labels } });
  await told("updated", ({ type, object }) => type === "MODIFIED" && object.metadata.labels?.["updated"] === "true");
  t.equal((await client.get(endpoints, "life", namespace)).metadata.labels?.["updated"], "true");
  const subsets = [{ addresses: [{ ip: "10.0.0.25" }], ports: [{ name: "http-test", port: 8080 }] }];
  const patch = strategic({ metadata: { labels: { patched: "true" } }, subsets });
  await client.patch(endpoints, "life", patch, { namespace });
  await told("patched", ({ object }) => object.metadata.labels?.["patched"] === "true");
  t.same((await client.get(endpoints, "life", namespace)).subsets, [
    { addresses: [{ ip: "10.0.0.25" }], ports: [{ name: "http-test", port: 8080, protocol: "TCP" }] },
  ]);
  await client.deleteCollection(endpoints, { namespace, labelSelector: "test-endpoint=true" });
  await told("deleted", ({ type }) => type === "DELETED");
  await gone(endpoints, "life");
});

t.test("every operation on EndpointSlices", async (t) => {
  proves(t, "[sig-network] EndpointSlice should support creating EndpointSlice API operations [Conformance]");
  const groups = (await api.call("GET", "/apis", { headers: { Accept: "application/json" } })).json.groups;
  t.match(groups.find((group: { name: string }) => group.name === "discovery.k8s.io")?.versions, [{ version: "v1" }]);
  t.match((await api.call("GET", "/apis/discovery.k8s.io")).json.versions, [{ version: "v1" }]);
  const { resources } = (await api.call("GET", "/apis/discovery.k8s.io/v1")).json;
  t.ok(resources.some(({ name }: { name: string }) => name === "endpointslices"));

  const selector = "special=slice";
  const draft = {
    metadata: { generateName: "ops-", namespace, labels: { special: "slice" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["1.2.3.4", "5.6.7.8"] }, { addresses: ["2.2.3.4", "6.6.7.8"] }],
  };
  for (let i = 0; i < 2; i++) await client.create(endpointSlices, draft);
  const made = await client.create(endpointSlices, draft);
  const { name } = made.metadata;
  t.equal((await client.get(endpointSlices, name, namespace)).metadata.uid, made.metadata.uid);
  const list = async (inside?: string) =>
    (await client.list(endpointSlices, { namespace: inside, labelSelector: selector })).items;
  t.equal((await list(namespace)).length, 3);
  t.equal((await list()).length, 3, "in all namespaces");
  const told = await watching(t, endpointSlices, selector);
  const patch = merge({ metadata: { annotations: { patched: "true" } } });
  t.match((await client.patch(endpointSlices, name, patch, { namespace })).metadata.annotations, { patched: "true" });
  const now = await client.get(endpointSlices, name, namespace);
  const updated = await client.update(endpointSlices, {
    ...now,
    metadata: { ...now.metadata, annotations: { ...now.metadata.annotations, updated: "true" } },
    endpoints: [{ addresses: ["9.9.9.9"] }],
  });
  t.match(updated, { metadata: { annotations: { updated: "true" } }, endpoints: [{ addresses: ["9.9.9.9"] }] });
  await told("patched and updated", ({ type, object }) => type === "MODIFIED" && object.endpoints.length === 1);
  await client.delete(endpointSlices, name, namespace);
  await told("deleted", ({ type, object }) => type === "DELETED" && object.metadata.name === name);
  await gone(endpointSlices, name);
  t.equal((await list(namespace)).length, 2);
  await client.deleteCollection(endpointSlices, { namespace, labelSelector: selector });
  t.equal((await list(namespace)).length, 0);
});

t.test("a selector that matches nothing has empty endpoints, which go with the service", async (t) => {
  proves(
    t,
    "[sig-network] EndpointSlice should create and delete EndpointSlices for a Service with a selector that matches no pods [Conformance]",
    "[sig-network] EndpointsController should create and delete Endpoints for a Service with a selector that matches no pods [Conformance]",
  );
  await create("nobody", { selector: { matches: "nothing" }, ports: [{ ...port, name: "example" }] });
  await soon("a slice", async () => (await slicesOf("nobody")).length > 0);
  t.match(await slicesOf("nobody"), [
    {
      metadata: { labels: { "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io" } },
      endpoints: [],
    },
  ]);
  await soon("Endpoints", () =>
    client.get(endpoints, "nobody", namespace).then(
      () => true,
      () => false,
    ),
  );
  await client.delete(services, "nobody", namespace);
  await gone(endpoints, "nobody");
  await soon("no slice", async () => (await slicesOf("nobody")).length === 0);
});

t.test("Endpoints made by hand are mirrored through create, update and delete", async (t) => {
  proves(
    t,
    "[sig-network] EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete [Conformance]",
  );
  await create("custom", { ports: [{ ...port, name: "example" }] });
  const subsets = (ip: string) => [{ addresses: [{ ip }], ports: [{ port: 80 }] }];
  const addresses = async () =>
    (await slicesOf("custom")).map((s) => `${s.endpoints.map((e) => e.addresses)} ${s.ports?.[0]?.port}`);
  const mirrored = (text: string) => soon(`mirrored: ${text}`, async () => (await addresses()).join() === text);
  const made = await client.create(endpoints, {
    metadata: { name: "custom", namespace },
    subsets: subsets("10.1.2.3"),
  });
  await mirrored("10.1.2.3 80");
  await client.update(endpoints, { ...made, subsets: subsets("10.2.3.4") });
  await mirrored("10.2.3.4 80");
  await client.patch(
    endpoints,
    "custom",
    merge({ metadata: { labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } } }),
    { namespace },
  );
  await mirrored("");
  await client.patch(
    endpoints,
    "custom",
    merge({ metadata: { labels: { "endpointslice.kubernetes.io/skip-mirror": null } } }),
    { namespace },
  );
  await mirrored("10.2.3.4 80");
  await client.delete(endpoints, "custom", namespace);
  await mirrored("");
  await client.delete(services, "custom", namespace);
});

t.test("ranges and addresses of Services as objects", async (t) => {
  proves(
    t,
    "[sig-network] ServiceCIDR and IPAddress API should support ServiceCIDR API operations [Conformance]",
    "[sig-network] ServiceCIDR and IPAddress API should support IPAddress API operations [Conformance]",
  );
  const patched = merge({ metadata: { annotations: { patched: "true" } } });
  const annotate = <T extends KubeObject>(ref: ResourceRef<T>, object: T) => {
    const metadata = { ...object.metadata, annotations: { ...object.metadata.annotations, updated: "true" } };
    return client.update(ref, { ...object, metadata });
  };
  const range = await client.patch(serviceCIDRs, "kubernetes", patched);
  t.match(range, { spec: { cidrs: ["10.96.0.0/16"] }, status: { conditions: [{ type: "Ready", status: "True" }] } });
  t.match((await annotate(serviceCIDRs, range)).metadata.annotations, { patched: "true", updated: "true" });
  t.equal((await client.list(serviceCIDRs)).items.length, 1);
  t.match(
    await refusal(client.patch(serviceCIDRs, "kubernetes", merge({ spec: { cidrs: ["10.1.0.0/16"] } }))),
    /422.*spec\.cidrs: .*immutable/,
  );
  const bad = (spec: object) => refusal(client.create(serviceCIDRs, { metadata: { name: "bad" }, spec }));
  t.match(await bad({ cidrs: [] }), /spec\.cidrs: Required value: at least one CIDR required/);
  t.match(await bad({ cidrs: ["10.0.0.0/8", "10.1.0.0/16"] }), /no more than one IP for each IP family/);

  const parentRef = { group: "mygroup", resource: "myresources", namespace: "foo", name: "bar" };
  const address = (name: string, type: string) =>
    client.create(ipAddresses, { metadata: { name, labels: { type } }, spec: { parentRef } });
  const told = await watching(t, ipAddresses, "type=broadcast");
  await address("255.255.255.255", "broadcast");
  await address("fe80::42:1dff:fe84:f9e2", "link-local");
  t.match(
    await refusal(address("1.2.3", "bad")),
    /metadata\.name: Invalid value: "1\.2\.3": must be a valid IP address/,
  );
  t.match(await refusal(address("fe80:0::1", "bad")), /must be in canonical form \("fe80::1"\)/);
  const ip = await client.patch(ipAddresses, "255.255.255.255", patched);
  t.match((await annotate(ipAddresses, ip)).metadata.annotations, { patched: "true", updated: "true" });
  await told("updated", ({ object }) => object.metadata.annotations?.["updated"] === "true");
  t.match(
    await refusal(client.patch(ipAddresses, ip.metadata.name, merge({ spec: { parentRef: { name: "x" } } }))),
    /422.*immutable/,
  );
  const listed = async (type: string) =>
    (await client.list(ipAddresses, { labelSelector: `type=${type}` })).items.length;
  t.equal(await listed("broadcast"), 1);
  t.equal((await client.get(ipAddresses, ip.metadata.name)).spec?.parentRef?.name, "bar");
  await client.delete(ipAddresses, ip.metadata.name);
  await client.deleteCollection(ipAddresses, { labelSelector: "type=link-local" });
  t.same([await listed("broadcast"), await listed("link-local")], [0, 0]);
});

async function addNode(client: Client, name: string, ip: string, zone: string): Promise<void> {
  const node = await startHollowNode(client, name);
  t.teardown(() => node.stop());
  const labels = { "topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": name };
  await client.patch(nodes, name, merge({ metadata: { labels } }));
  const addresses = [{ type: "InternalIP", address: ip }];
  const daemonEndpoints = { kubeletEndpoint: { Port: 10250 } };
  await client.patch(nodes, name, strategic({ status: { addresses, daemonEndpoints } }), { subresource: "status" });
}

t.test("a load balancer has the addresses of nodes that can serve", async (t) => {
  await addNode(api.server.admin, "n1", "192.168.7.1", "east");
  await addNode(api.server.admin, "n2", "192.168.7.2", "west");
  await create("lb", { type: "LoadBalancer", ports: [port] });
  const has = (name: string, ...ips: string[]) =>
    soon(
      `${name} at ${ips}`,
      async () =>
        (await get(name)).status?.loadBalancer?.ingress?.map(({ ip }) => ip).join() === (ips.join() || undefined),
    );
  await has("lb", "192.168.7.1", "192.168.7.2");
  await client.patch(nodes, "n1", merge({ spec: { unschedulable: true } }));
  await has("lb", "192.168.7.2");
  await client.patch(nodes, "n1", merge({ spec: { unschedulable: null } }));
  await has("lb", "192.168.7.1", "192.168.7.2");
  const excluded = "node.kubernetes.io/exclude-from-external-load-balancers";
  await client.patch(nodes, "n2", merge({ metadata: { labels: { [excluded]: "" } } }));
  await has("lb", "192.168.7.1");
  await client.patch(nodes, "n2", merge({ metadata: { labels: { [excluded]: null } } }));
  await has("lb", "192.168.7.1", "192.168.7.2");

  await create("second", { type: "LoadBalancer", ports: [port] });
  await create("theirs", { type: "LoadBalancer", loadBalancerClass: "example.com/other", ports: [port] });
  await create("ssh", { type: "LoadBalancer", ports: [{ ...port, port: 22 }] });
  const told = async () =>
    (await client.list(events, { namespace })).items.filter(({ reason }) => reason === "LoadBalancerPortTaken");
  await soon("both are told", async () => (await told()).length === 2);
  t.same((await told()).map((event) => `${event.involvedObject.name}: ${event.message}`).sort(), [
    "second: service default/lb has one of its ports on every node",
    "ssh: node n1 keeps 192.168.7.1:22 for its own programs; node n2 keeps 192.168.7.2:22 for its own programs",
  ]);
  for (const name of ["second", "theirs", "ssh"]) t.notOk((await get(name)).status?.loadBalancer?.ingress, name);
  await client.delete(services, "lb", namespace);
  await has("second", "192.168.7.1", "192.168.7.2");
  const { stdout } = await api.kubectl("v35", ["get", "services", "second", "ssh", "--no-headers"]);
  t.match(stdout, /second +LoadBalancer +\S+ +192\.168\.7\.1,192\.168\.7\.2 +80:\d+\/TCP/);
  t.match(stdout, /ssh +LoadBalancer +\S+ +<pending>/);
  await client.patch(services, "second", merge({ spec: { type: "ClusterIP" } }), { namespace });
  t.same((await get("second")).status, { loadBalancer: {} });
  for (const name of ["second", "theirs", "ssh"]) await client.delete(services, name, namespace);
});

t.test("hints follow trafficDistribution, and endpoints that must stay follow the nodes", async () => {
  const pod = (name: string, nodeName: string) =>
    client.create(pods, {
      metadata: { name, namespace, labels: { app: "near" } },
      spec: { nodeName, containers: [{ name: "c", image: "i" }] },
    });
  await pod("p1", "n1");
  await pod("p2", "n2");
  await create("near", { selector: { app: "near" }, ports: [port], trafficDistribution: "PreferClose" });
  const hints = async () =>
    (await slicesOf("near"))
      .flatMap((s) => s.endpoints.map((e) => `${e.nodeName}:${e.hints?.forZones?.[0]?.name}`))
      .sort()
      .join();
  await soon("hints", async () => (await hints()) === "n1:east,n2:west");
  await client.patch(services, "near", merge({ spec: { trafficDistribution: null } }), { namespace });
  await soon("none", async () => (await hints()) === "n1:undefined,n2:undefined");
  await client.patch(services, "near", merge({ spec: { type: "LoadBalancer", externalTrafficPolicy: "Local" } }), {
    namespace,
  });
  const ips = async () => (await get("near")).status?.loadBalancer?.ingress?.map(({ ip }) => ip).join();
  await soon("both nodes", async () => (await ips()) === "192.168.7.1,192.168.7.2");
  await client.delete(pods, "p1", namespace, { gracePeriodSeconds: 0 });
  await soon("one node", async () => (await ips()) === "192.168.7.2");
  await client.delete(services, "near", namespace);
  await client.delete(pods, "p2", namespace, { gracePeriodSeconds: 0 });
});

t.test(
  "addresses and ports: never twice, however many ask at once; kept through a restart, free after a delete",
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "berth-api-"));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    let ips: string[] = [];
    let ports: number[] = [];
    await t.test("before", async (t) => {
      const first = await TestServer.start(t, folder);
      const rest = first.rest();
      const spec = { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ port: 80, protocol: "TCP" }] };
      const made = await Promise.all(
        Array.from({ length: 60 }, (_, i) => rest.create(services, { metadata: { name: `s${i}`, namespace }, spec })),
      );
      ips = made.map((service) => service.spec.clusterIP ?? "");
      ports = made.map((service) => service.spec.ports?.[0]?.nodePort ?? 0);
      t.equal(new Set(ips).size, 60);
      t.equal(new Set(ports).size, 60);
      const same = await Promise.all(
        ["x", "y", "z"].map((name) =>
          refusal(
            rest.create(services, {
              metadata: { name, namespace },
              spec: { clusterIP: "10.96.0.77", ports: [{ port: 1 }] },
            }),
          ),
        ),
      );
      t.equal(same.filter((text) => text === "no error").length, 1, "one of three that ask for the same");
    });
    await t.test("after", async (t) => {
      const rest = (await TestServer.start(t, folder)).rest();
      const ask = (name: string, spec: object) =>
        refusal(rest.create(services, { metadata: { name, namespace }, spec: spec as Service["spec"] }));
      t.match(await ask("again", { clusterIP: ips[0], ports: [port] }), /provided IP is already allocated/);
      const wanted = { type: "NodePort", ports: [{ ...port, nodePort: ports[0] }] };
      t.match(await ask("again", wanted), /provided port is already allocated/);
      await rest.delete(services, "s0", namespace);
      t.equal(await ask("again", { ...wanted, clusterIP: ips[0] }), "no error", "both are free at once");
    });
  },
);
