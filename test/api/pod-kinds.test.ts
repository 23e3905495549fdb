/** The kinds beside the Pod, as upstream's tests ask for them: templates, runtime classes, leases, nodes, data, accounts, events. */
import t from "tap";
import type {
  ConfigMap,
  CoreV1Event,
  EventsV1Event,
  HorizontalPodAutoscaler,
  Lease,
  Node,
  PodTemplate,
  PriorityClass,
  ReplicationController,
  RuntimeClass,
  Secret,
  ServiceAccount,
} from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import {
  configMaps,
  events,
  eventsV1,
  horizontalPodAutoscalers,
  horizontalPodAutoscalersV1,
  leases,
  nodes,
  pods,
  podTemplates,
  priorityClasses,
  replicationControllers,
  runtimeClasses,
  secrets,
  serviceAccounts,
} from "#api/refs.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";
import { find } from "#test/fixtures/control-plane.js";
import { discovered, everyDelete, everyVerb, labels, merge } from "#test/fixtures/every-verb.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const api = await TestServer.start(t);
const client = api.rest();
const selected = { namespace, labelSelector: "special-label=ours" };
const containers = [{ name: "main", image: "busybox" }];

t.test("PodTemplates", async (t) => {
  proves(t, "[sig-node] PodTemplates should run the lifecycle of PodTemplates [Conformance]");
  proves(t, "[sig-node] PodTemplates should replace a pod template [Conformance]");
  proves(t, "[sig-node] PodTemplates should delete a collection of pod templates [Conformance]");
  const draft = (): Draft<PodTemplate> => ({
    metadata: { generateName: "template-", namespace, labels },
    template: { metadata: { labels: { app: "a" } }, spec: { containers } },
  });
  const { metadata, template } = await everyVerb(t, client, podTemplates, [draft(), draft(), draft()], namespace);
  t.match(template?.spec, {
    restartPolicy: "Always",
    containers: [{ terminationMessagePath: "/dev/termination-log" }],
  });
  await everyDelete(t, client, podTemplates, metadata.name, namespace);
  const bad = client.create(podTemplates, { ...draft(), template: { spec: { containers: [] } } });
  await t.rejects(bad, { message: /template.spec.containers: Required value/ });
});

t.test("ReplicationControllers", async (t) => {
  proves(t, "[sig-apps] ReplicationController should test the lifecycle of a ReplicationController [Conformance]");
  const draft = (): Draft<ReplicationController> => ({
    metadata: { generateName: "controller-", namespace, labels },
    spec: { replicas: 0, template: { metadata: { labels: { app: "a" } }, spec: { containers } } },
  });
  const { metadata, spec } = await everyVerb(t, client, replicationControllers, [draft(), draft(), draft()], namespace);
  t.match(spec, { replicas: 0, selector: { app: "a" } }, "the template's labels");
  const { name } = metadata;
  const status = { conditions: [{ type: "Tested", status: "True" }] };
  await client.patch(replicationControllers, name, merge({ status }), { namespace, subresource: "status" });
  t.match((await client.get(replicationControllers, name, namespace)).status, status);
  await client.patch(replicationControllers, name, merge({ spec: { replicas: 1 } }), { namespace });
  const made = async () => (await client.list(pods, { namespace, labelSelector: "app=a" })).items;
  await eventually(async () => (await made()).length === 1 || undefined, "one Pod is made");
  const [pod] = await made();
  t.match(pod?.metadata.ownerReferences, [{ apiVersion: "v1", kind: "ReplicationController", name, controller: true }]);
  await everyDelete(t, client, replicationControllers, name, namespace);
  await eventually(async () => (await made()).length === 0 || undefined, "its Pod goes with it");
  const bad = (more: object) =>
    client.create(replicationControllers, { ...draft(), spec: { ...draft().spec, ...more } });
  await t.rejects(bad({ selector: { app: "b" } }), { message: /`selector` does not match template `labels`/ });
  await t.rejects(bad({ template: { spec: { containers } } }), { message: /spec\.selector: Required value/ });
});

t.test("RuntimeClasses", async (t) => {
  proves(t, "[sig-node] RuntimeClass should support RuntimeClasses API operations [Conformance]");
  await discovered(t, api, runtimeClasses);
  const draft = (): Draft<RuntimeClass> => ({ metadata: { generateName: "class-", labels }, handler: "runc" });
  const made = await everyVerb(t, client, runtimeClasses, [draft(), draft(), draft()]);
  await t.rejects(client.update(runtimeClasses, { ...made, handler: "other" }), { message: /handler: .*immutable/ });
  await everyDelete(t, client, runtimeClasses, made.metadata.name);
});

t.test("PriorityClasses", async (t) => {
  proves(
    t,
    "[sig-scheduling] SchedulerPreemption [Serial] PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods [Conformance]",
  );
  await discovered(t, api, priorityClasses);
  const draft = (value: number): Draft<PriorityClass> => ({ metadata: { generateName: "class-", labels }, value });
  const made = await everyVerb(t, client, priorityClasses, [draft(1), draft(2), draft(3)]);
  t.equal(made.preemptionPolicy, "PreemptLowerPriority");
  await t.rejects(client.update(priorityClasses, { ...made, value: 9 }), {
    code: 422,
    message: /value: Forbidden: may not be changed in an update\./,
  });
  await t.rejects(client.patch(priorityClasses, made.metadata.name, merge({ preemptionPolicy: "Never" })), {
    message: /preemptionPolicy: .*immutable/,
  });
  await everyDelete(t, client, priorityClasses, made.metadata.name);
  t.same(
    (await client.list(priorityClasses)).items.map(({ metadata, value }) => [metadata.name, value]),
    [
      ["system-cluster-critical", 2_000_000_000],
      ["system-node-critical", 2_000_001_000],
    ],
  );
});

t.test("a Pod's RuntimeClass has to be there, and gives it overhead and a place", async (t) => {
  proves(
    t,
    "[sig-node] RuntimeClass should reject a Pod requesting a non-existent RuntimeClass [NodeConformance] [Conformance]",
  );
  proves(
    t,
    "[sig-node] RuntimeClass should reject a Pod requesting a deleted RuntimeClass [NodeConformance] [Conformance]",
  );
  const pod = (name: string, spec: object) =>
    client.create(pods, { metadata: { name, namespace }, spec: { containers, ...spec } });
  const refused = (name: string) => ({
    code: 403,
    message: new RegExp(`pod rejected: RuntimeClass "${name}" not found`),
  });
  await t.rejects(pod("none", { runtimeClassName: "none" }), refused("none"));
  await client.create(runtimeClasses, {
    metadata: { name: "heavy" },
    handler: "runc",
    overhead: { podFixed: { cpu: "200m", memory: "100Mi" } },
    scheduling: { nodeSelector: { disk: "fast" }, tolerations: [{ key: "k", operator: "Exists" }] },
  });
  const { spec } = await pod("heavy", { runtimeClassName: "heavy" });
  t.match(spec, { overhead: { cpu: "200m", memory: "100Mi" }, nodeSelector: { disk: "fast" } });
  t.match(
    spec.tolerations?.find(({ key }) => key === "k"),
    { operator: "Exists" },
  );
  await t.rejects(pod("other", { runtimeClassName: "heavy", overhead: { cpu: "1" } }), {
    message: /doesn't match RuntimeClass's/,
  });
  await t.rejects(pod("light", { overhead: { cpu: "1" } }), {
    message: /Overhead set without corresponding RuntimeClass/,
  });
  await client.delete(runtimeClasses, "heavy");
  await t.rejects(pod("deleted", { runtimeClassName: "heavy" }), refused("heavy"));
});

t.test("Leases", async (t) => {
  proves(t, "[sig-node] Lease lease API should be available [Conformance]");
  const spec = (holderIdentity: string, leaseDurationSeconds: number): Lease["spec"] => ({
    holderIdentity,
    leaseDurationSeconds,
    acquireTime: "2026-01-01T00:00:00.123456Z",
    renewTime: "2026-01-01T00:00:05.000000Z",
    leaseTransitions: 0,
  });
  const draft = (): Draft<Lease> => ({
    metadata: { generateName: "lease-", namespace, labels },
    spec: spec("holder", 30),
  });
  const made = await everyVerb(t, client, leases, [draft(), draft(), draft()], namespace);
  t.same(made.spec, spec("holder", 30));
  const updated = await client.update(leases, { ...made, spec: { ...spec("holder2", 60), leaseTransitions: 1 } });
  t.match(updated.spec, { holderIdentity: "holder2", leaseDurationSeconds: 60, leaseTransitions: 1 });
  const patched = await client.patch(leases, made.metadata.name, merge({ spec: { holderIdentity: "holder3" } }), {
    namespace,
  });
  t.match(patched.spec, { holderIdentity: "holder3", leaseDurationSeconds: 60 });
  await everyDelete(t, client, leases, made.metadata.name, namespace);
});

t.test("the life of a Node", async (t) => {
  proves(t, "[sig-node] Node Lifecycle should run through the lifecycle of a node [Conformance]");
  const name = "e2e-fake-node";
  const status = { phase: "Running", capacity: { cpu: "1", memory: "1Gi" } };
  const made = await client.create(nodes, { metadata: { name, labels }, spec: {}, status } as Draft<Node>);
  t.equal((await client.get(nodes, name)).metadata.uid, made.metadata.uid);
  t.equal(
    (await client.patch(nodes, name, merge({ metadata: { labels: { "e2e-patched": "true" } } }))).metadata.labels?.[
      "e2e-patched"
    ],
    "true",
  );
  const current = await client.get(nodes, name);
  const labelled = { ...current.metadata.labels, "e2e-updated": "true" };
  const updated = await client.update(nodes, { ...current, metadata: { ...current.metadata, labels: labelled } });
  t.equal(updated.metadata.labels?.["e2e-updated"], "true");
  const condition = { type: "E2E", status: "True", reason: "Set by e2e test", message: "" };
  const patched = await client.patch(nodes, name, merge({ status: { conditions: [condition] } }), {
    subresource: "status",
  });
  t.match(patched.status?.conditions, [{ type: "E2E", reason: "Set by e2e test" }]);
  const replaced = { ...patched, status: { ...patched.status, conditions: [{ ...condition, status: "False" }] } };
  t.match((await client.update(nodes, replaced, { subresource: "status" })).status?.conditions, [{ status: "False" }]);
  await client.deleteCollection(nodes, { labelSelector: selected.labelSelector });
  t.equal(await find(client, nodes, name), undefined);
});

t.test("ConfigMaps", async (t) => {
  proves(t, "[sig-node] ConfigMap should run through a ConfigMap lifecycle [Conformance]");
  proves(t, "[sig-node] ConfigMap should update ConfigMap successfully [NodeConformance] [Conformance]");
  proves(t, "[sig-node] ConfigMap should fail to create ConfigMap with empty key [Conformance]");
  const draft = (): Draft<ConfigMap> => ({ metadata: { generateName: "map-", namespace, labels }, data: { a: "1" } });
  const made = await everyVerb(t, client, configMaps, [draft(), draft(), draft()], namespace);
  const updated = await client.update(configMaps, { ...made, data: { ...made.data, b: "2" } });
  t.same(updated.data, { a: "1", b: "2" });
  t.same((await client.get(configMaps, made.metadata.name, namespace)).data, { a: "1", b: "2" });
  await everyDelete(t, client, configMaps, made.metadata.name, namespace);
  await t.rejects(client.create(configMaps, { metadata: { name: "empty", namespace }, data: { "": "x" } }), {
    code: 422,
  });
});

t.test("Secrets", async (t) => {
  proves(t, "[sig-node] Secrets should patch a secret [Conformance]");
  proves(t, "[sig-node] Secrets should fail to create secret due to empty secret key [Conformance]");
  const draft = (): Draft<Secret> => ({
    metadata: { generateName: "secret-", namespace, labels },
    data: { key: "dmFsdWU=" },
  });
  const made = await everyVerb(t, client, secrets, [draft(), draft(), draft()], namespace);
  const body = { metadata: { labels: { testsecret: "true" } }, data: { key: "dmFsdWUx" } };
  const patched = await client.patch(secrets, made.metadata.name, merge(body), { namespace });
  t.match(patched, body);
  await everyDelete(t, client, secrets, made.metadata.name, namespace);
  await t.rejects(client.create(secrets, { metadata: { name: "empty", namespace }, data: { "": "eA==" } }), {
    code: 422,
  });
});

t.test("ServiceAccounts", async (t) => {
  proves(t, "[sig-auth] ServiceAccounts should run through the lifecycle of a ServiceAccount [Conformance]");
  proves(t, "[sig-auth] ServiceAccounts should update a ServiceAccount [Conformance]");
  const draft = (): Draft<ServiceAccount> => ({ metadata: { generateName: "account-", namespace, labels } });
  const made = await everyVerb(t, client, serviceAccounts, [draft(), draft(), draft()], namespace);
  t.equal(made.automountServiceAccountToken, undefined);
  const updated = await client.update(serviceAccounts, { ...made, automountServiceAccountToken: false });
  t.equal(updated.automountServiceAccountToken, false);
  const body = { automountServiceAccountToken: true };
  t.match(await client.patch(serviceAccounts, made.metadata.name, merge(body), { namespace }), body);
  await everyDelete(t, client, serviceAccounts, made.metadata.name, namespace);
});

t.test("Events", async (t) => {
  proves(t, "[sig-instrumentation] Events should manage the lifecycle of an event [Conformance]");
  proves(t, "[sig-instrumentation] Events should delete a collection of events [Conformance]");
  const draft = (): Draft<CoreV1Event> => ({
    metadata: { generateName: "event-", namespace, labels },
    message: "This is a test event",
    reason: "Test",
    type: "Normal",
    count: 1,
    involvedObject: { namespace },
    reportingComponent: "",
    reportingInstance: "",
  });
  const made = await everyVerb(t, client, events, [draft(), draft(), draft()], namespace);
  const message = "This is a test event - patched";
  const patched = await client.patch(events, made.metadata.name, merge({ message }), { namespace });
  t.match(patched, { message, reason: "Test" });
  const series = { count: 3, lastObservedTime: "2026-01-01T00:00:00.000000Z" };
  t.match((await client.update(events, { ...patched, series })).series, series);
  const byReason = { namespace, fieldSelector: "reason=Test,type=Normal" };
  t.equal((await client.list(events, byReason)).items.length, 3);
  await everyDelete(t, client, events, made.metadata.name, namespace);
});

t.test("Events of events.k8s.io are the same ones in other words", async (t) => {
  proves(
    t,
    "[sig-instrumentation] Events API should ensure that an event can be fetched, patched, deleted, and listed [Conformance]",
  );
  proves(t, "[sig-instrumentation] Events API should delete a collection of events [Conformance]");
  const draft = (): Draft<EventsV1Event> => ({
    metadata: { generateName: "event-", namespace, labels },
    regarding: { namespace },
    eventTime: "2026-01-01T00:00:00.000000Z",
    note: "This is a test",
    action: "Do",
    reason: "Test",
    type: "Normal",
    reportingController: "test-controller",
    reportingInstance: "test-node",
  });
  const made = await everyVerb(t, client, eventsV1, [draft(), draft(), draft()], namespace);
  const { name } = made.metadata;
  const byReporter = (field: string) => ({ namespace, fieldSelector: `${field}=test-controller` });
  t.equal((await client.list(events, byReporter("source"))).items.length, 3);
  t.equal((await client.list(eventsV1, byReporter("reportingController"))).items.length, 3);
  const patch = { type: "application/strategic-merge-patch+json", body: { note: "patched" } } as const;
  const patched = await client.patch(eventsV1, name, patch, { namespace });
  t.match(patched, { apiVersion: "events.k8s.io/v1", kind: "Event", note: "patched", reportingInstance: "test-node" });
  t.match(await client.get(events, name, namespace), {
    message: "patched",
    involvedObject: { namespace },
    action: "Do",
  });
  const series = { count: 100, lastObservedTime: "2026-01-01T00:00:10.000000Z" };
  await client.update(eventsV1, { ...patched, series });
  t.match(await client.get(eventsV1, name, namespace), { ...patched, metadata: {}, series });
  await t.rejects(client.update(eventsV1, { ...patched, series }), { code: 409 }, "made from an older state");
  await t.rejects(client.create(eventsV1, { ...draft(), action: "" }), { code: 422 });
  const table = { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } };
  const { rows } = (await api.call("GET", `/apis/events.k8s.io/v1/namespaces/${namespace}/events/${name}`, table)).json;
  t.match(rows[0].cells.join(" "), /Normal Test .*patched/);
  await everyDelete(t, client, eventsV1, name, namespace);
});

t.test("HorizontalPodAutoscalers of autoscaling/v1", async (t) => {
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const draft = (goal?: number): Draft<HorizontalPodAutoscaler> => ({
    metadata: { generateName: "hpa-", namespace, labels },
    spec: { maxReplicas: 5, scaleTargetRef, targetCPUUtilizationPercentage: goal },
  });
  const made = await everyVerb(t, client, horizontalPodAutoscalersV1, [draft(60), draft(), draft()], namespace);
  const { name } = made.metadata;
  t.match(made.spec, { minReplicas: 1, maxReplicas: 5, targetCPUUtilizationPercentage: 60 });
  const others = (await client.list(horizontalPodAutoscalersV1, selected)).items.filter(
    (each) => each.metadata.name !== name,
  );
  t.ok(
    others.every(({ spec }) => spec?.targetCPUUtilizationPercentage === 80),
    "80 unless something is said",
  );
  const memory = {
    type: "Resource",
    resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } },
  };
  const newer = await client.get(horizontalPodAutoscalers, name, namespace);
  const behavior = { scaleDown: { stabilizationWindowSeconds: 5 } };
  const metrics = [...(newer.spec?.metrics ?? []), memory];
  await client.update(horizontalPodAutoscalers, { ...newer, spec: { ...newer.spec!, metrics, behavior } });
  const body = { spec: { targetCPUUtilizationPercentage: 40 } };
  t.match(await client.patch(horizontalPodAutoscalersV1, name, merge(body), { namespace }), body);
  const { spec } = await client.get(horizontalPodAutoscalers, name, namespace);
  t.match(spec, { metrics: [{ resource: { target: { averageUtilization: 40 } } }, memory], behavior });
  await t.rejects(client.create(horizontalPodAutoscalersV1, { ...draft(), spec: { maxReplicas: 0, scaleTargetRef } }), {
    code: 422,
    message: /spec.maxReplicas: Invalid value: 0/,
  });
  await everyDelete(t, client, horizontalPodAutoscalersV1, name, namespace);
});

for (const version of ["v32", "v35"] as const)
  t.test(`kubectl autoscale, version ${version}`, async (t) => {
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await api.kubectl(version, args);
      t.equal(code, 0, stderr);
      return stdout;
    };
    await run("create", "deployment", "worker", "--image=nginx");
    const goal = version === "v32" ? "--cpu-percent=50" : "--cpu=50%";
    t.match(await run("autoscale", "deployment", "worker", goal, "--min=2", "--max=4"), /worker autoscaled/);
    t.match(await run("get", "hpa"), /worker +Deployment\/worker +cpu: <unknown>\/50% +2 +4 /);
    t.match(await run("get", "hpa.v1.autoscaling"), /worker +Deployment\/worker +cpu: <unknown>\/50% +2 +4 /);
    await run("delete", "hpa.v1.autoscaling/worker", "deployment/worker");
    t.equal(await run("get", "hpa", "-o", "name"), "");
  });
