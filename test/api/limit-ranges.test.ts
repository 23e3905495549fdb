/** LimitRanges as upstream's conformance tests take them. */
import t from "tap";
import type { LimitRange, Pod } from "#api/generated/types.js";
import { limitRanges, pods } from "#api/refs.js";
import type { StatusError } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import { startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const LIMITS = "[sig-scheduling] LimitRange";
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;

const create = (client: Client, limits: object[], name = "limits"): Promise<LimitRange> =>
  client.create(limitRanges, { metadata: { name, namespace }, spec: { limits } } as never);

const makePod = (client: Client, name: string, resources: object = {}, spec: object = {}): Promise<Pod> =>
  client.create(pods, {
    metadata: { name, namespace },
    spec: { containers: [{ name: "c", image: "nginx", resources }], ...spec },
  } as never);

const refusal = (made: Promise<unknown>): Promise<string | undefined> =>
  made.then(
    () => undefined,
    ({ code, message }: StatusError) => `${code} ${message}`,
  );

const resourcesOf = ({ spec }: Pod) => spec.containers[0]?.resources;

t.test("a Pod gets what it leaves open, and no more than it may", async (t) => {
  proves(
    t,
    `${LIMITS} should create a LimitRange with defaults and ensure pod has those defaults applied. [Conformance]`,
  );
  const { client } = await startControlPlane(t, []);
  const made = await create(client, [
    {
      type: "Container",
      min: { cpu: "50m", memory: "100Mi" },
      max: { cpu: "500m", memory: "500Mi" },
      default: { cpu: "500m", memory: "500Mi" },
      defaultRequest: { cpu: "100m", memory: "200Mi" },
    },
  ]);
  t.match(made.spec?.limits, [{ default: { cpu: "500m" }, defaultRequest: { cpu: "100m", memory: "200Mi" } }]);
  const bare = await makePod(client, "bare");
  t.same(resourcesOf(bare), {
    requests: { cpu: "100m", memory: "200Mi" },
    limits: { cpu: "500m", memory: "500Mi" },
  });
  t.equal(
    bare.metadata.annotations?.["kubernetes.io/limit-ranger"],
    "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c",
  );
  t.equal(bare.status?.qosClass, "Burstable");
  const partly = await makePod(client, "partly", { requests: { memory: "150Mi" }, limits: { cpu: "300m" } });
  t.same(resourcesOf(partly), {
    requests: { cpu: "300m", memory: "150Mi" },
    limits: { cpu: "300m", memory: "500Mi" },
  });
  t.equal(
    await refusal(makePod(client, "small", { requests: { cpu: "10m" } })),
    '403 pods "small" is forbidden: minimum cpu usage per Container is 50m, but request is 10m',
  );
  t.equal(
    await refusal(makePod(client, "big", { limits: { cpu: "600m", memory: "600Mi" } })),
    '403 pods "big" is forbidden: [maximum cpu usage per Container is 500m, but limit is 600m, maximum memory usage per Container is 500Mi, but limit is 600Mi]',
  );
  await client.patch(limitRanges, "limits", merge({ spec: { limits: [{ type: "Container", min: { cpu: "9m" } }] } }), {
    namespace,
  });
  t.same(resourcesOf(await makePod(client, "small", { requests: { cpu: "10m" } })), { requests: { cpu: "10m" } });
});

t.test("of several ranges the first has its way, and all their bounds hold", async (t) => {
  const { client } = await startControlPlane(t, []);
  await create(client, [{ type: "Container", default: { cpu: "100m" } }], "a");
  await create(client, [{ type: "Container", default: { cpu: "200m", memory: "1Gi" }, max: { memory: "2Gi" } }], "b");
  const amounts = { cpu: "100m", memory: "1Gi" };
  t.same(resourcesOf(await makePod(client, "p")), { requests: amounts, limits: amounts });
  t.match(
    await refusal(makePod(client, "big", { limits: { memory: "3Gi" } })),
    /maximum memory usage per Container is 2Gi/,
  );
});

t.test("limits are listed, patched, and deleted by their labels", async (t) => {
  proves(t, `${LIMITS} should list, patch and delete a LimitRange by collection [Conformance]`);
  const { client } = await startControlPlane(t, []);
  for (const name of ["one", "two"]) await create(client, [{ type: "Container", max: { cpu: "1" } }], name);
  const limits = [{ type: "Container", min: { cpu: "1m" }, max: { cpu: "2" } }];
  const body = { metadata: { labels: { special: "yes" } }, spec: { limits } };
  const patched = await client.patch(limitRanges, "one", merge(body), { namespace });
  t.match(patched.spec?.limits, [{ min: { cpu: "1m" }, max: { cpu: "2" } }]);
  await client.deleteCollection(limitRanges, { namespace, labelSelector: "special=yes" });
  t.same(
    (await client.list(limitRanges, { namespace })).items.map(({ metadata }) => metadata.name),
    ["two"],
  );
});

t.test("bounds of a whole Pod, and how far limits may be from requests", async (t) => {
  const { client } = await startControlPlane(t, []);
  await create(client, [
    { type: "Pod", max: { cpu: "1" }, min: { memory: "10Mi" } },
    { type: "Container", maxLimitRequestRatio: { memory: "2" } },
  ]);
  const container = (name: string, cpu: string) => ({
    name,
    image: "nginx",
    resources: { limits: { cpu, memory: "8Mi" } },
  });
  const pair = (cpu: string) => ({ containers: [container("a", cpu), container("b", cpu)] });
  t.ok(await makePod(client, "fits", {}, pair("500m")));
  t.match(
    await refusal(makePod(client, "wide", {}, pair("600m"))),
    /maximum cpu usage per Pod is 1, but limit is 1200m/,
  );
  t.match(
    await refusal(makePod(client, "apart", { requests: { memory: "10Mi" }, limits: { memory: "30Mi", cpu: "1" } })),
    /memory max limit to request ratio per Container is 2, but provided ratio is 3.000000/,
  );
  t.match(await refusal(makePod(client, "silent", {})), /maximum cpu usage per Pod is 1. {2}No limit is specified/);
});

t.test("bad limits", async (t) => {
  const { client } = await startControlPlane(t, []);
  const bad = (...limits: object[]) => refusal(create(client, limits));
  t.match(
    await bad({ type: "Thing" }),
    /^422 .*spec.limits\[0\].type: Invalid value: "Thing": must be a standard limit type/,
  );
  t.match(await bad({ type: "Pod" }, { type: "Pod" }), /^422 .*spec.limits\[1\].type: Duplicate value: "Pod"/);
  t.match(await bad({ type: "Pod", default: { cpu: "1" } }), /^422 .*may not be specified when `type` is 'Pod'/);
  t.match(
    await bad({ type: "Container", min: { cpu: "2" }, max: { cpu: "1" } }),
    /^422 .*spec.limits\[0\].min\[cpu\]: Invalid value: "2": min value 2 is greater than max value 1/,
  );
  t.match(
    await bad({ type: "Container", default: { cpu: "1" }, defaultRequest: { cpu: "2" } }),
    /^422 .*default request value 2 is greater than default limit value 1/,
  );
  t.match(await bad({ type: "Container", maxLimitRequestRatio: { cpu: "500m" } }), /^422 .*ratio 500m is less than 1/);
  t.match(await bad({ type: "PersistentVolumeClaim" }), /^422 .*either minimum or maximum storage value is required/);
});
