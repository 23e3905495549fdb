/** The view of Pods that nodes may read whole: what it shows, to whom, and when watchers hear of a change. */
import t, { type Test } from "tap";
import type { PodPeer } from "#api/generated/types.js";
import type { WatchEvent } from "#api/object.js";
import { namespaces, podPeers, pods } from "#api/refs.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";

const PEERS = "/apis/policy.berth.dev/v1/namespaces/default/podpeers";

const pod = (name: string, spec: object = {}) => ({
  metadata: { name, namespace: "default", labels: { app: name }, annotations: { note: "hidden" } },
  spec: {
    containers: [
      {
        name: "c",
        image: "i",
        env: [{ name: "PASSWORD", value: "hidden" }],
        ports: [{ name: "http", containerPort: 80 }, { containerPort: 81 }],
      },
    ],
    initContainers: [
      { name: "i", image: "i", ports: [{ name: "init", containerPort: 1 }] },
      { name: "s", image: "i", restartPolicy: "Always", ports: [{ name: "dns", containerPort: 53, protocol: "UDP" }] },
    ],
    ...spec,
  },
});

async function start(t: Test) {
  const api = await TestServer.start(t);
  const account = "/api/v1/namespaces/default/serviceaccounts/default";
  await eventually(async () => ((await api.call("GET", account)).status === 200 ? true : undefined), "default account");
  const client = api.rest();
  const report = (name: string, status: object) =>
    client.patch(
      pods,
      name,
      { type: "application/merge-patch+json", body: { status } },
      { namespace: "default", subresource: "status" },
    );
  return { api, client, report };
}

t.test("a node reads labels, addresses and named ports of all Pods, and nothing else", async (t) => {
  const { api, client, report } = await start(t);
  await client.create(pods, pod("web") as never);
  await client.create(pods, pod("host", { hostNetwork: true }) as never);
  const status = { podIP: "10.244.1.2", podIPs: [{ ip: "10.244.1.2" }] };
  for (const name of ["web", "host"]) await report(name, status);
  const node = await api.certificate("system:node:n1", "system:nodes");
  t.equal((await api.call("GET", "/api/v1/pods", { as: node })).status, 403, "of Pods only its own");
  // The scheduler still writes to them: both are read until they are of one version.
  const { answer, metadata } = await eventually(async () => {
    const answer = await api.call("GET", "/apis/policy.berth.dev/v1/podpeers", { as: node });
    const { metadata } = await client.get(pods, "web", "default");
    const listed = (answer.json.items as PodPeer[]).find((peer) => peer.metadata.name === "web");
    return listed?.metadata.resourceVersion === metadata.resourceVersion ? { answer, metadata } : undefined;
  }, "the view has caught up");
  t.notMatch(answer.text, /hidden|PASSWORD/);
  const byName = Object.fromEntries((answer.json.items as PodPeer[]).map((peer) => [peer.metadata.name, peer]));
  const { uid, creationTimestamp, resourceVersion } = metadata;
  t.same(byName["web"], {
    apiVersion: "policy.berth.dev/v1",
    kind: "PodPeer",
    metadata: { name: "web", namespace: "default", labels: { app: "web" }, uid, creationTimestamp, resourceVersion },
    ports: [
      { name: "http", port: 80, protocol: "TCP" },
      { name: "dns", port: 53, protocol: "UDP" },
    ],
    addresses: ["10.244.1.2"],
  });
  t.equal(byName["host"]?.addresses, undefined, "a node's address is no Pod's");
  await report("web", { phase: "Succeeded" });
  t.equal((await api.call("GET", `${PEERS}/web`, { as: node })).json.addresses, undefined, "a Pod that has ended");
  t.match((await api.kubectl("v35", ["get", "podpeers"])).stdout, /NAME +ADDRESSES +AGE\n/);
});

t.test("watchers hear of changes of what shows, also of those while they were away", async (t) => {
  const { api, client, report } = await start(t);
  const events: string[] = [];
  const { metadata } = await client.list(podPeers);
  const follow = (resourceVersion = "0") =>
    client.watch(
      podPeers,
      { resourceVersion },
      {
        onEvents: (batch: readonly WatchEvent<PodPeer>[]) => {
          for (const { type, object } of batch)
            if (type !== "BOOKMARK") events.push(`${type} ${object.metadata.name} ${object.addresses ?? ""}`);
        },
        onEnd: () => undefined,
      },
    );
  const seen = async (wanted: string[]) => {
    await eventually(() => (events.length >= wanted.length ? true : undefined), `${wanted} of ${events}`);
    t.same(events.splice(0), wanted);
  };
  const watch = follow(metadata.resourceVersion);
  await client.create(pods, pod("a") as never);
  await report("a", { phase: "Running" });
  await report("a", { podIPs: [{ ip: "10.244.1.2" }] });
  await report("a", { message: "does not show" });
  await client.delete(pods, "a", "default", { gracePeriodSeconds: 0 });
  await seen(["ADDED a ", "MODIFIED a 10.244.1.2", "DELETED a 10.244.1.2"]);
  watch.close();
  const again = follow(metadata.resourceVersion);
  await seen(["ADDED a ", "MODIFIED a 10.244.1.2", "DELETED a 10.244.1.2"]);
  again.close();
  const past = await api.call("GET", `${PEERS}?resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`);
  t.same([past.status, past.json.items], [200, []], "a list of the past");
});

t.test("nobody writes it", async (t) => {
  const { api, client } = await start(t);
  await client.create(pods, pod("web") as never);
  const own = `${PEERS}/web`;
  const body = (await api.call("GET", own)).json;
  for (const [method, path] of [
    ["POST", PEERS],
    ["PUT", own],
    ["PATCH", own],
    ["DELETE", own],
    ["DELETE", PEERS],
  ] as const) {
    const headers = method === "PATCH" ? { "Content-Type": "application/merge-patch+json" } : {};
    const { status, json } = await api.call(method, path, { body: method === "DELETE" ? undefined : body, headers });
    t.same([status, json.reason], [405, "MethodNotAllowed"], `${method} ${path}`);
  }
  const discovered = (await api.call("GET", "/apis/policy.berth.dev/v1")).json.resources;
  t.match(discovered, [{ name: "podpeers", verbs: ["get", "list", "watch"] }]);
  t.match((await api.kubectl("v35", ["explain", "podpeer.addresses"])).stdout, /FIELD: addresses <\[\]string>/);
  await client.create(namespaces, { metadata: { name: "gone" } } as never);
  await api.call("DELETE", "/api/v1/namespaces/gone");
  await eventually(
    async () => ((await api.call("GET", "/api/v1/namespaces/gone")).status === 404 ? true : undefined),
    "a namespace can still be deleted",
  );
});

t.test("after a restart it shows the same", async (t) => {
  const dataDir = t.testdir();
  const api = await TestServer.start(t, dataDir);
  await eventually(
    async () =>
      (await api.call("GET", "/api/v1/namespaces/default/serviceaccounts/default")).status === 200 ? true : undefined,
    "default account",
  );
  await api.rest().create(pods, pod("web") as never);
  await api.server.stop();
  const next = await TestServer.start(t, dataDir);
  t.match((await next.call("GET", `${PEERS}/web`)).json, { kind: "PodPeer", metadata: { labels: { app: "web" } } });
});
