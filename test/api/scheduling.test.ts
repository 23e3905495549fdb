/** Where Pods go in a cluster of hollow nodes: company, even spreading, and the words for those that fit nowhere. */
import t, { type Test } from "tap";
import type { Pod, PodAffinityTerm } from "#api/generated/types.js";
import { podCondition } from "#api/pod-state.js";
import { deployments, namespaces, nodes, pods } from "#api/refs.js";
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
