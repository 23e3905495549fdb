/** The Service by whose address Pods know the cluster's DNS. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { frontendsOf, type ProxyNode } from "#agent/proxy/frontends.js";
import { endpointSlices, services } from "#api/refs.js";
import { TestServer } from "#test/fixtures/api-server.js";

const dataDir = mkdtempSync(join(tmpdir(), "berth-dns-"));
t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));

t.test("it is there, has the cluster's DNS address, and no proxy takes it on", async (t) => {
  const api = await TestServer.start(t, dataDir);
  const service = await api.rest().get(services, "kube-dns", "kube-system");
  t.match(service, {
    metadata: { labels: { "k8s-app": "kube-dns" } },
    spec: {
      type: "ClusterIP",
      clusterIP: "10.96.0.10",
      ports: [
        { name: "dns", protocol: "UDP", port: 53 },
        { name: "dns-tcp", protocol: "TCP", port: 53 },
      ],
    },
  });
  t.notOk(service.spec.selector);
  t.same(frontendsOf(service, [], { name: "n" } as unknown as ProxyNode), []);
  t.same((await api.rest().list(endpointSlices, { namespace: "kube-system" })).items, []);
  await api.rest().delete(services, "kube-dns", "kube-system");
  const ports = [{ port: 80 }];
  const squatter = { metadata: { name: "squatter", namespace: "default" }, spec: { clusterIP: "10.96.0.10", ports } };
  await api.rest().create(services, squatter);
});

t.test("a Service that has its address keeps no server from starting; when that goes it is back", async (t) => {
  await t.test("taken", async (t) => {
    const api = await TestServer.start(t, dataDir);
    await t.rejects(api.rest().get(services, "kube-dns", "kube-system"), { code: 404 });
    await api.rest().delete(services, "squatter", "default");
  });
  await t.test("free", async (t) => {
    const api = await TestServer.start(t, dataDir);
    t.equal((await api.rest().get(services, "kube-dns", "kube-system")).spec.clusterIP, "10.96.0.10");
  });
});
