/** Namespaces over the API, and how their content ends. */
import t, { type Test } from "tap";
import { configMaps, namespaces, pods, serviceAccounts, services } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { eventually, find, startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const SUITE = "[sig-api-machinery] Namespaces [Serial] should";
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;

async function open(t: Test): Promise<Client> {
  const { client } = await startControlPlane(t, ["n1"]);
  return client;
}

async function makeNamespace(client: Client, name: string): Promise<void> {
  await client.create(namespaces, { metadata: { name }, spec: {} });
  await eventually("default account", () => find(client, serviceAccounts, "default", name), Boolean);
}

async function runPod(client: Client, namespace: string, finalizers: string[] = []): Promise<void> {
  const spec = { containers: [{ name: "c", image: "nginx" }] };
  await client.create(pods, { metadata: { name: "test-pod", namespace, finalizers }, spec });
  await eventually(
    "running",
    () => client.get(pods, "test-pod", namespace),
    ({ status }) => status?.phase === "Running",
  );
}

const gone = (client: Client, name: string) =>
  eventually(
    "namespace gone",
    () => find(client, namespaces, name),
    (found) => !found,
  );

t.test("a namespace made anew under its name has nothing of the old one", async (t) => {
  proves(t, `${SUITE} ensure that all pods are removed when a namespace is deleted [Conformance]`);
  proves(t, `${SUITE} ensure that all services are removed when a namespace is deleted [Conformance]`);
  const client = await open(t);
  await makeNamespace(client, "again");
  await runPod(client, "again");
  const spec = { selector: { foo: "bar" }, ports: [{ port: 80, targetPort: 80 }] };
  await client.create(services, { metadata: { name: "test-service", namespace: "again" }, spec });
  await client.delete(namespaces, "again");
  await gone(client, "again");
  await makeNamespace(client, "again");
  t.notOk(await find(client, pods, "test-pod", "again"));
  t.notOk(await find(client, services, "test-service", "again"));
});

t.test("Pods go first; what they may rely on stays until they are gone", async (t) => {
  proves(t, "[sig-api-machinery] OrderedNamespaceDeletion namespace deletion should delete pod first [Conformance]");
  const client = await open(t);
  await makeNamespace(client, "team");
  await runPod(client, "team", ["example.com/hold"]);
  await client.create(configMaps, { metadata: { name: "settings", namespace: "team" } });
  await client.delete(namespaces, "team");
  const { status } = await eventually(
    "told",
    () => client.get(namespaces, "team"),
    (found) =>
      Boolean(found.status?.conditions?.some((c) => c.type === "NamespaceFinalizersRemaining" && c.status === "True")),
  );
  t.equal(status?.phase, "Terminating");
  t.match(
    status?.conditions?.find(({ type }) => type === "NamespaceContentRemaining")?.message,
    /^Some resources are remaining: pods\. has 1 resource instances$/,
  );
  t.ok((await client.get(pods, "test-pod", "team")).metadata.deletionTimestamp);
  t.notOk((await client.get(configMaps, "settings", "team")).metadata.deletionTimestamp, "untouched");
  await client.patch(pods, "test-pod", merge({ metadata: { finalizers: null } }), { namespace: "team" });
  await gone(client, "team");
});

t.test("a namespace is patched, updated, its status and finalizers too", async (t) => {
  proves(t, `${SUITE} patch a Namespace [Conformance]`, `${SUITE} apply an update to a Namespace [Conformance]`);
  proves(t, `${SUITE} apply changes to a namespace status [Conformance]`);
  proves(t, `${SUITE} apply a finalizer to a Namespace [Conformance]`);
  const client = await open(t);
  await makeNamespace(client, "ns");
  const labels = {
    type: "application/strategic-merge-patch+json",
    body: { metadata: { labels: { a: "b" } } },
  } as const;
  await client.patch(namespaces, "ns", labels);
  const patched = await client.get(namespaces, "ns");
  t.equal(patched.metadata.labels?.["a"], "b");
  const metadata = { ...patched.metadata, labels: { ...patched.metadata.labels, c: "d" } };
  t.match((await client.update(namespaces, { ...patched, metadata })).metadata.labels, { a: "b", c: "d" });

  const subresource = "status";
  const condition = (type: string) => ({ type, status: "True", reason: "E2E", message: "from a test" });
  const one = { status: { conditions: [condition("StatusPatch")] } };
  const marked = await client.patch(namespaces, "ns", merge(one), { subresource });
  t.match(marked.status, { phase: "Active", conditions: [{ type: "StatusPatch", reason: "E2E" }] });
  const conditions = [...(marked.status?.conditions ?? []), condition("StatusUpdate")];
  const updated = await client.update(
    namespaces,
    { ...marked, status: { ...marked.status, conditions } },
    { subresource },
  );
  t.same(
    updated.status?.conditions?.map(({ type }) => type),
    ["StatusPatch", "StatusUpdate"],
  );

  const finalizer = "e2e.example.com/fakeFinalizer";
  t.same(updated.spec?.finalizers, ["kubernetes"]);
  const finalize = async (finalizers: string[]) => {
    const latest = await client.get(namespaces, "ns");
    return client.update(namespaces, { ...latest, spec: { finalizers } }, { subresource: "finalize" });
  };
  t.same((await finalize(["kubernetes", finalizer])).spec?.finalizers, ["kubernetes", finalizer]);
  t.same((await finalize(["kubernetes"])).spec?.finalizers, ["kubernetes"]);
  await client.delete(namespaces, "ns");
  await gone(client, "ns");
});
