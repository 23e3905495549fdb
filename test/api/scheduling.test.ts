/** Where Pods go in a cluster of hollow nodes: company, even spreading, and the words for those that fit nowhere. */
import t, { type Test } from "tap";
import type { Pod, PodAffinityTerm } from "#api/generated/types.js";
import { podCondition } from "#api/pod-state.js";
import { deployments, events, namespaces, nodes, pods, priorityClasses } from "#api/refs.js";
import { startControlPlane } from "#test/fixtures/control-plane.js";
import { until } from "#test/until.js";

const { client } = await startControlPlane(t, ["east-1", "east-2", "west-1"]);
const merge = (body: object) => ({ type: "application/merge-patch+json" as const, body });
for (const name of ["east-1", "east-2", "west-1"]) {
  const labels = { zone: name.split("-")[0], "kubernetes.io/hostname": name };
  await client.patch(nodes, name, merge({ metadata: { labels } }));
}

const containers = [{ name: "c", image: "busybox" }];
const create = (name: string, spec: object, labels: Record<string, string> = { app: name }, namespace = "default") =>
  client.create(pods, { metadata: { name, namespace, labels }, spec: { containers, ...spec } as Pod["spec"] });
const get = (name: string, namespace = "default") => client.get(pods, name, namespace);

async function placed(name: string, namespace = "default"): Promise<string> {
  await until(async () => Boolean((await get(name, namespace)).spec.nodeName));
  return (await get(name, namespace)).spec.nodeName ?? "";
}
async function refusal(name: string): Promise<string> {
  await until(async () => podCondition(await get(name), "PodScheduled")?.reason === "Unschedulable");
  return podCondition(await get(name), "PodScheduled")?.message ?? "";
}
const removed = (t: Test, ...names: string[]) =>
  t.teardown(() => Promise.all(names.map((name) => client.delete(pods, name, "default", { gracePeriodSeconds: 0 }))));

const term = (app: string, more: Partial<PodAffinityTerm> = {}): PodAffinityTerm => ({
  topologyKey: "zone",
  labelSelector: { matchLabels: { app } },
  ...more,
});
const far = (...terms: PodAffinityTerm[]) => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const near = (...terms: PodAffinityTerm[]) => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});

t.test("one Pod of an app on each node, and one that waits until another has gone", async (t) => {
  const spec = {
    replicas: 4,
    selector: { matchLabels: { app: "alone" } },
    template: {
      metadata: { labels: { app: "alone" } },
      spec: { containers, ...far(term("alone", { topologyKey: "kubernetes.io/hostname" })) },
    },
  };
  await client.create(deployments, { metadata: { name: "alone", namespace: "default" }, spec });
  t.teardown(() => client.delete(deployments, "alone", "default"));
  const list = async () =>
    (await client.list(pods, { namespace: "default", labelSelector: "app=alone" })).items.filter(
      ({ metadata }) => !metadata.deletionTimestamp,
    );
  const where = async () => (await list()).flatMap(({ spec }) => spec.nodeName ?? []).sort();
  await until(async () => (await where()).length === 3);
  t.same(await where(), ["east-1", "east-2", "west-1"]);
  const waits = (await list()).find(({ spec }) => !spec.nodeName);
  const message = await refusal(waits?.metadata.name ?? "");
  t.equal(
    message,
    "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules. " +
      "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
  );
  await client.patch(deployments, "alone", merge({ spec: { replicas: 3 } }), { namespace: "default" });
  await until(async () => (await list()).length === 3);
});

t.test("near others, by labels that may come later, and by their namespace's labels", async (t) => {
  await client.create(namespaces, { metadata: { name: "blue", labels: { team: "blue" } }, spec: {} });
  await create("db", { nodeSelector: { "kubernetes.io/hostname": "west-1" } }, { app: "db" }, "blue");
  await placed("db", "blue");
  await create("web", near(term("db", { namespaceSelector: { matchLabels: { team: "blue" } } })));
  t.equal(await placed("web"), "west-1");
  await create("later", near(term("cache")));
  t.match(await refusal("later"), /3 node\(s\) didn't match pod affinity rules/);
  await create("renamed", { nodeSelector: { zone: "west" } });
  await placed("renamed");
  await client.patch(pods, "renamed", merge({ metadata: { labels: { app: "cache" } } }), { namespace: "default" });
  t.equal(await placed("later"), "west-1");
  removed(t, "web", "later", "renamed");
});

t.test("spread over zones; a template's revision only among its own", async (t) => {
  const spread = (more: object = {}) => ({
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "zone",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { app: "spread" } },
        ...more,
      },
    ],
  });
  const zones: Record<string, number> = {};
  for (const name of ["s1", "s2", "s3", "s4"]) {
    await create(name, spread(), { app: "spread", revision: "1" });
    const zone = (await placed(name)).split("-")[0] ?? "";
    zones[zone] = (zones[zone] ?? 0) + 1;
  }
  t.same(zones, { east: 2, west: 2 });
  const made = await create("r", spread({ matchLabelKeys: ["revision"] }), { app: "spread", revision: "2" });
  t.match(made.spec.topologySpreadConstraints?.[0]?.labelSelector, {
    matchExpressions: [{ key: "revision", operator: "In", values: ["2"] }],
  });
  await placed("r");
  removed(t, "s1", "s2", "s3", "s4", "r");
});

t.test("a class that is the default, one that is not there, and what a Pod must not say itself", async (t) => {
  const named = (name: string, value: number, more: object = {}) =>
    client.create(priorityClasses, { metadata: { name }, value, ...more });
  await named("polite", 500, { preemptionPolicy: "Never" });
  await named("usual", 7, { globalDefault: true });
  await t.rejects(named("another", 8, { globalDefault: true }), {
    code: 403,
    message: /PriorityClass usual is already marked as default for all pods/,
  });
  t.match((await create("u", {})).spec, {
    priorityClassName: "usual",
    priority: 7,
    preemptionPolicy: "PreemptLowerPriority",
  });
  t.match((await create("c", { priorityClassName: "polite" })).spec, { priority: 500, preemptionPolicy: "Never" });
  t.match((await create("s", { priorityClassName: "system-node-critical" })).spec, { priority: 2_000_001_000 });
  await t.rejects(create("n", { priorityClassName: "none" }), { message: /no PriorityClass with name none was found/ });
  await t.rejects(create("p", { priority: 8 }), { message: /integer value of priority \(8\) must not be provided/ });
  await t.rejects(create("p", { priorityClassName: "polite", preemptionPolicy: "PreemptLowerPriority" }), {
    message: /PreemptionPolicy \(PreemptLowerPriority\) must not be provided .* computed Never/,
  });
  removed(t, "u", "c", "s");
  t.teardown(() => client.delete(priorityClasses, "usual"));
});

t.test("who is more important takes the place of another; who is polite waits for it", async (t) => {
  await client.create(priorityClasses, { metadata: { name: "important" }, value: 1000 });
  await client.create(priorityClasses, { metadata: { name: "waiting" }, value: 1000, preemptionPolicy: "Never" });
  const onWest = (cpu: string, more: object = {}) => ({
    nodeSelector: { zone: "west" },
    containers: [{ name: "c", image: "busybox", resources: { requests: { cpu } } }],
    ...more,
  });
  await create("small", onWest("500m"));
  await create("large", onWest("3"));
  await placed("large");
  await create("patient", onWest("2", { priorityClassName: "waiting" }));
  t.match(await refusal("patient"), /preemption: not eligible due to preemptionPolicy=Never\.$/);
  // Held, so that it can be looked at while it goes.
  await client.patch(pods, "large", merge({ metadata: { finalizers: ["example.com/held"] } }), {
    namespace: "default",
  });
  await create("urgent", onWest("2", { priorityClassName: "important" }));
  await until(async () => Boolean((await get("large")).metadata.deletionTimestamp));
  t.match(podCondition(await get("large"), "DisruptionTarget"), { status: "True", reason: "PreemptionByScheduler" });
  await until(async () => (await get("urgent")).status?.nominatedNodeName === "west-1");
  const said = { namespace: "default", fieldSelector: "involvedObject.name=large" };
  await until(async () => (await client.list(events, said)).items.some(({ reason }) => reason === "Preempted"));
  await client.patch(pods, "large", merge({ metadata: { finalizers: null } }), { namespace: "default" });
  t.equal(await placed("urgent"), "west-1");
  t.equal((await get("urgent")).status?.nominatedNodeName, undefined);
  t.notOk((await get("small")).metadata.deletionTimestamp, "it was not in the way");
  t.notOk((await get("patient")).spec.nodeName);
  removed(t, "small", "urgent", "patient");
});
