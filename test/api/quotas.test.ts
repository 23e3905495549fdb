/** ResourceQuotas as upstream's conformance tests take them, on hollow nodes. */
import t from "tap";
import type { Pod, ReplicationController, ResourceQuota } from "#api/generated/types.js";
import { configMaps, pods, replicaSets, replicationControllers, resourceQuotas, secrets, services } from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import type { StatusError } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import { eventually, startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const QUOTA = "[sig-api-machinery] ResourceQuota";
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;

const create = (client: Client, hard: object, more: object = {}, name = "quota"): Promise<ResourceQuota> =>
  client.create(resourceQuotas, { metadata: { name, namespace }, spec: { hard, ...more } } as never);

/** Resolves when the quota says that so much is used. */
const used = (client: Client, wanted: Record<string, string>, name = "quota"): Promise<ResourceQuota> =>
  eventually(
    JSON.stringify(wanted),
    () => client.get(resourceQuotas, name, namespace),
    ({ status }) => Object.entries(wanted).every(([resource, amount]) => status?.used?.[resource] === amount),
  );

/** Undefined, or why not. */
const refusal = (made: Promise<unknown>): Promise<string | undefined> =>
  made.then(
    () => undefined,
    ({ code, message }: StatusError) => `${code} ${message}`,
  );

const makePod = (client: Client, name: string, spec: object = {}, resources: object = {}): Promise<Pod> =>
  client.create(pods, {
    metadata: { name, namespace },
    spec: { containers: [{ name: "c", image: "nginx", resources }], ...spec },
  } as never);

t.test("what is used is told at once, changed and deleted quotas too", async (t) => {
  proves(t, `${QUOTA} should create a ResourceQuota and ensure its status is promptly calculated. [Conformance]`);
  proves(t, `${QUOTA} should be able to update and delete ResourceQuota. [Conformance]`);
  const { client } = await startControlPlane(t, []);
  await create(client, { cpu: "1", memory: "500Mi" });
  const { status } = await used(client, { cpu: "0", memory: "0" });
  t.same(status?.hard, { cpu: "1", memory: "500Mi" });
  const changed = await client.patch(resourceQuotas, "quota", merge({ spec: { hard: { cpu: "2" } } }), { namespace });
  t.same(changed.spec?.hard, { cpu: "2", memory: "500Mi" });
  await eventually(
    "status",
    () => client.get(resourceQuotas, "quota", namespace),
    ({ status }) => status?.hard?.["cpu"] === "2",
  );
  await client.delete(resourceQuotas, "quota", namespace);
  t.match(await refusal(client.get(resourceQuotas, "quota", namespace)), /^404/);
});

t.test("they are listed, patched and deleted by their labels; a status is written", async (t) => {
  proves(t, `${QUOTA} should manage the lifecycle of a ResourceQuota [Conformance]`);
  proves(t, `${QUOTA} should apply changes to a resourcequota status [Conformance]`);
  const { client, stopControllers } = await startControlPlane(t, []);
  await create(client, { pods: "5" });
  await used(client, { pods: "0" });
  await client.patch(resourceQuotas, "quota", merge({ metadata: { labels: { special: "yes" } } }), { namespace });
  await create(client, { pods: "6" }, {}, "other");
  const selected = { namespace, labelSelector: "special=yes" };
  t.same(
    (await client.list(resourceQuotas, selected)).items.map(({ metadata }) => metadata.name),
    ["quota"],
  );
  await client.deleteCollection(resourceQuotas, selected);
  t.same(
    (await client.list(resourceQuotas, { namespace })).items.map(({ metadata }) => metadata.name),
    ["other"],
  );
  await used(client, { pods: "0" }, "other");
  await stopControllers();
  const query = { namespace, subresource: "status" };
  const patched = await client.patch(resourceQuotas, "other", merge({ status: { hard: { pods: "7" } } }), query);
  t.match(patched, { spec: { hard: { pods: "6" } }, status: { hard: { pods: "7" } } });
  const status = { hard: { pods: "8" }, used: { pods: "3" } };
  const updated = await client.update(resourceQuotas, { ...patched, status }, { subresource: "status" });
  t.same(updated.status, status);
  t.match(
    await refusal(
      client.update(resourceQuotas, { ...updated, status: { hard: { pods: "-1" } } }, { subresource: "status" }),
    ),
    /^422 .*must be greater than or equal to 0/,
  );
});

t.test("ConfigMaps, Secrets, ReplicaSets and ReplicationControllers are counted", async (t) => {
  proves(t, `${QUOTA} should create a ResourceQuota and capture the life of a configMap. [Conformance]`);
  proves(t, `${QUOTA} should create a ResourceQuota and capture the life of a secret. [Conformance]`);
  proves(t, `${QUOTA} should create a ResourceQuota and capture the life of a replica set. [Conformance]`);
  proves(t, `${QUOTA} should create a ResourceQuota and capture the life of a replication controller. [Conformance]`);
  const { client } = await startControlPlane(t, []);
  const selector = { app: "none" };
  const template = { metadata: { labels: selector }, spec: { containers: [{ name: "c", image: "nginx" }] } };
  const kinds = [
    { ref: configMaps, name: "configmaps", object: {} },
    { ref: secrets, name: "secrets", object: {} },
    {
      ref: replicaSets,
      name: "count/replicasets.apps",
      object: { spec: { replicas: 0, selector: { matchLabels: selector }, template } },
    },
    {
      ref: replicationControllers,
      name: "replicationcontrollers",
      object: { spec: { replicas: 0, selector, template } },
    },
  ] as const;
  for (const { ref: kind, name, object } of kinds) {
    const ref = kind as ResourceRef;
    const before = (await client.list(ref, { namespace })).items.length;
    const amount = (count: number) => ({ [name]: String(before + count) });
    await create(client, amount(1));
    await used(client, amount(0));
    const make = (own: string) => client.create(ref, { metadata: { name: own, namespace }, ...object } as never);
    await make("one");
    await used(client, amount(1));
    t.match(
      await refusal(make("two")),
      `403 ${name.replace("count/", "")} "two" is forbidden: exceeded quota: quota, requested: ${name}=1, used: ${name}=${before + 1}, limited: ${name}=${before + 1}`,
    );
    await client.delete(ref, "one", namespace);
    await used(client, amount(0));
    await client.delete(resourceQuotas, "quota", namespace);
  }
});

t.test("Services are counted, their node ports and balancers too", async (t) => {
  proves(t, `${QUOTA} should create a ResourceQuota and capture the life of a service. [Conformance]`);
  const { client } = await startControlPlane(t, []);
  await create(client, { services: "10", "services.nodeports": "1", "services.loadbalancers": "1" });
  const make = (name: string, spec: object) =>
    client.create(services, { metadata: { name, namespace }, spec: { ports: [{ port: 80 }], ...spec } } as never);
  await make("plain", {});
  await make("node", { type: "NodePort" });
  await used(client, { services: "2", "services.nodeports": "1", "services.loadbalancers": "0" });
  t.match(
    await refusal(make("more", { type: "NodePort" })),
    /exceeded quota: quota, requested: services.nodeports=1, used: services.nodeports=1/,
  );
  t.match(await refusal(make("balanced", { type: "LoadBalancer" })), /^403 .*services.nodeports=1/);
  const change = client.patch(services, "plain", merge({ spec: { type: "NodePort" } }), { namespace });
  t.match(await refusal(change), /^403 .*exceeded quota/, "one that becomes of that type too");
  await make("balanced", { type: "LoadBalancer", allocateLoadBalancerNodePorts: false });
  await used(client, { services: "3", "services.loadbalancers": "1" });
  for (const name of ["plain", "node", "balanced"]) await client.delete(services, name, namespace);
  await used(client, { services: "0", "services.nodeports": "0", "services.loadbalancers": "0" });
});

t.test("Pods are counted with what they ask for, until they end", async (t) => {
  proves(t, `${QUOTA} should create a ResourceQuota and capture the life of a pod. [Conformance]`);
  const { client } = await startControlPlane(t, ["n1"]);
  const dongle = "requests.example.com/dongle";
  await create(client, { pods: "5", cpu: "1", memory: "500Mi", "ephemeral-storage": "50Gi", [dongle]: "2" });
  const asked = { cpu: "500m", memory: "252Mi", "ephemeral-storage": "30Gi" };
  await makePod(client, "first", {}, { requests: asked });
  await used(client, { pods: "1", ...asked, [dongle]: "0" });
  t.equal(
    await refusal(makePod(client, "over", {}, { requests: { cpu: "600m", memory: "100Mi" } })),
    '403 pods "over" is forbidden: exceeded quota: quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1',
  );
  t.equal(
    await refusal(makePod(client, "over", {}, { requests: { cpu: "600m", memory: "300Mi" } })),
    '403 pods "over" is forbidden: exceeded quota: quota, requested: cpu=600m,memory=300Mi, used: cpu=500m,memory=252Mi, limited: cpu=1,memory=500Mi',
  );
  t.equal(
    await refusal(makePod(client, "silent")),
    '403 pods "silent" is forbidden: failed quota: quota: must specify cpu for: c; memory for: c',
  );
  const dongles = { "example.com/dongle": "3" };
  t.match(
    await refusal(
      makePod(client, "greedy", {}, { requests: { cpu: "1m", memory: "1Mi", ...dongles }, limits: dongles }),
    ),
    /requested: requests.example.com\/dongle=3, used: requests.example.com\/dongle=0/,
  );
  const many = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      refusal(makePod(client, `side-${i}`, {}, { requests: { cpu: "10m", memory: "1Mi" } })),
    ),
  );
  t.equal(many.filter((each) => each === undefined).length, 4, "never more than fit, however many ask at a time");
  await used(client, { pods: "5" });
  // No node has room for its storage: nobody else writes its status.
  const phase = merge({ status: { phase: "Succeeded" } });
  await client.patch(pods, "first", phase, { namespace, subresource: "status" });
  await used(client, { pods: "4", cpu: "40m", memory: "4Mi", "ephemeral-storage": "0" });
  const { items } = await client.list(pods, { namespace });
  for (const { metadata } of items) await client.delete(pods, metadata.name, namespace);
  await used(client, { pods: "0", cpu: "0", memory: "0" });
});

t.test("scopes: with and without a deadline, with and without requests", async (t) => {
  proves(t, `${QUOTA} should verify ResourceQuota with best effort scope. [Conformance]`);
  proves(t, `${QUOTA} should verify ResourceQuota with terminating scopes. [Conformance]`);
  const { client } = await startControlPlane(t, ["n1"]);
  await create(client, { pods: "5" }, { scopes: ["BestEffort"] }, "best-effort");
  await create(client, { pods: "5" }, { scopes: ["NotBestEffort"] }, "not-best-effort");
  await create(client, { pods: "5" }, { scopes: ["Terminating"] }, "terminating");
  await create(client, { pods: "5" }, { scopes: ["NotTerminating"] }, "not-terminating");
  const matchExpressions = [{ scopeName: "PriorityClass", operator: "In", values: ["system-node-critical"] }];
  await create(client, { pods: "0" }, { scopeSelector: { matchExpressions } }, "no-critical");
  const counts = async (best: number, not: number, ending: number, staying: number) => {
    await used(client, { pods: String(best) }, "best-effort");
    await used(client, { pods: String(not) }, "not-best-effort");
    await used(client, { pods: String(ending) }, "terminating");
    await used(client, { pods: String(staying) }, "not-terminating");
  };
  await makePod(client, "poor");
  await counts(1, 0, 0, 1);
  await makePod(client, "asking", {}, { requests: { cpu: "10m" } });
  await counts(1, 1, 0, 2);
  await makePod(client, "ending", { activeDeadlineSeconds: 3600 });
  await counts(2, 1, 1, 2);
  t.match(
    await refusal(makePod(client, "critical", { priorityClassName: "system-node-critical" })),
    /exceeded quota: no-critical, requested: pods=1, used: pods=0, limited: pods=0/,
  );
  for (const name of ["poor", "asking", "ending"]) await client.delete(pods, name, namespace);
  await counts(0, 0, 0, 0);
});

t.test("what may not be made is told by who would make it", async (t) => {
  proves(
    t,
    "[sig-apps] ReplicationController should surface a failure condition on a common issue like exceeded quota [Conformance]",
  );
  const { client } = await startControlPlane(t, ["n1"]);
  await create(client, { pods: "2" });
  const labels = { app: "rc" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "nginx" }] } };
  const metadata = { name: "rc", namespace };
  await client.create(replicationControllers, { metadata, spec: { replicas: 3, selector: labels, template } });
  const condition = ({ status }: ReplicationController) =>
    status?.conditions?.find(({ type, status }) => type === "ReplicaFailure" && status === "True");
  const get = () => client.get(replicationControllers, "rc", namespace);
  const failed = await eventually("failure", get, (rc) => condition(rc) !== undefined);
  t.match(condition(failed), {
    reason: "FailedCreate",
    message: /exceeded quota: quota, requested: pods=1, used: pods=2/,
  });
  await client.patch(replicationControllers, "rc", merge({ spec: { replicas: 2 } }), { namespace });
  await eventually("healed", get, (rc) => condition(rc) === undefined && rc.status?.replicas === 2);
});

t.test("bad quotas", async (t) => {
  const { client } = await startControlPlane(t, []);
  const bad = (hard: object, more: object = {}) => refusal(create(client, hard, more));
  t.match(
    await bad({ bogus: "1" }),
    /^422 .*spec.hard\[bogus\]: Invalid value: "bogus": must be a standard resource for quota/,
  );
  t.match(
    await bad({ pods: "-1" }),
    /^422 .*spec.hard\[pods\]: Invalid value: "-1": must be greater than or equal to 0/,
  );
  t.match(await bad({ pods: "500m" }), /^422 .*must be an integer/);
  t.match(await bad({ pods: "1" }, { scopes: ["Wide"] }), /^422 .*unsupported scope/);
  t.match(await bad({ cpu: "1" }, { scopes: ["BestEffort"] }), /^422 .*unsupported scope applied to resource/);
  t.match(await bad({ pods: "1" }, { scopes: ["Terminating", "NotTerminating"] }), /^422 .*conflicting scopes/);
  const selecting = (expression: object) => bad({ pods: "1" }, { scopeSelector: { matchExpressions: [expression] } });
  t.match(await selecting({ scopeName: "PriorityClass", operator: "Is" }), /^422 .*operator: Unsupported value: "Is"/);
  t.match(await selecting({ scopeName: "PriorityClass", operator: "In" }), /^422 .*values: Required value/);
  await create(client, { pods: "1" }, { scopes: ["Terminating"] });
  const patch = client.patch(resourceQuotas, "quota", merge({ spec: { scopes: ["NotTerminating"] } }), { namespace });
  t.match(await refusal(patch), /^422 .*spec.scopes: Invalid value.*field is immutable/);
});
