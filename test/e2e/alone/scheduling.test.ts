/** Who gets a node that not everybody fits on: by what is free, by labels and ports, and by importance. */
import t, { type Test } from "tap";
import type { Node, ReplicaSet } from "#api/generated/types.js";
import { quantityValue } from "#api/quantity.js";
import { nodes, pods, replicaSets } from "#api/refs.js";
import { proves } from "#test/proves.js";
import { NamespaceSession, openLab, pod, until } from "../lab-session.js";
import { condition, PodWatch, sh, WAIT } from "../pod-watch.js";

const FOO = "example.com/foo";
const session = await openLab(t);
const ns = await session.namespace(t, "scheduling");
const watch = await PodWatch.open(t, ns);
const { client } = watch;
const waiting = (name: string, resources: object, spec: object = {}) => pod(name, { ...sh(WAIT), resources }, spec);
const on = (node: string) => ({ nodeSelector: { "kubernetes.io/hostname": node } });
const refusal = async (name: string) => {
  const found = await watch.until(name, "refused", (p) => condition(p, "PodScheduled")?.reason === "Unschedulable");
  return condition(found, "PodScheduled")?.message ?? "";
};
const predicate = (what: string) => `[sig-scheduling] SchedulerPredicates [Serial] validates ${what} [Conformance]`;
const preemption = (what: string) => `[sig-scheduling] SchedulerPreemption [Serial] ${what} [Conformance]`;

t.test("what is free", async (t) => {
  proves(t, predicate("resource limits of pods that are allowed to run"));
  const { status } = await client.get<Node>(nodes, "node-2");
  const milli = Math.floor(1000 * quantityValue(status?.allocatable?.["cpu"]));
  const cpu = (share: number) => ({ requests: { cpu: `${Math.floor(milli * share)}m` } });
  await watch.createAll([waiting("filler", cpu(0.7), on("node-2")), waiting("small", cpu(0.05), on("node-2"))]);
  await Promise.all([watch.ready("filler"), watch.ready("small")]);
  await watch.create(waiting("large", cpu(0.5), on("node-2")));
  t.match(await refusal("large"), /1 Insufficient cpu/);
  await watch.remove("filler");
  await watch.ready("large");
  await Promise.all([watch.remove("large"), watch.remove("small")]);

  // Each gets the place of one that has just gone: the node and the scheduler must agree that it is free.
  const left = new Set(Array.from({ length: 4 }, (_, i) => `turn-${i}`));
  await watch.createAll([...left].map((name) => waiting(name, cpu(0.6), on("node-2"))));
  while (left.size > 0) {
    const name = await Promise.any([...left].map(async (name) => (await watch.ready(name)).metadata.name));
    await watch.remove(name);
    left.delete(name);
    for (const other of left) t.not(watch.history(other).at(-1)?.status?.phase, "Failed", other);
  }
});

t.test("labels and ports of nodes", async (t) => {
  proves(t, predicate("that NodeSelector is respected if not matching"));
  proves(t, predicate("that NodeSelector is respected if matching"));
  proves(
    t,
    predicate("that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP"),
  );
  const label = { "example.com/scheduling": "42" };
  const port = (hostIP: string) => ({ ...sh(WAIT), ports: [{ containerPort: 5555, hostPort: 54322, hostIP }] });
  await watch.create(pod("labelled", sh(WAIT), { nodeSelector: label }));
  t.match(await refusal("labelled"), /2 node\(s\) didn't match Pod's node affinity\/selector/);
  await session.kubectl(["label", "node", "node-2", "example.com/scheduling=42"]);
  t.teardown(() => session.kubectl(["label", "node", "node-2", "example.com/scheduling-"]));
  t.equal((await watch.ready("labelled")).spec.nodeName, "node-2");
  await watch.create(pod("every-address", port("0.0.0.0"), { nodeSelector: label }));
  await watch.ready("every-address");
  await watch.create(pod("one-address", port("127.0.0.1"), { nodeSelector: label }));
  t.match(await refusal("one-address"), /1 node\(s\) didn't have free ports for the requested pod ports/);
  await Promise.all(["labelled", "every-address", "one-address"].map((name) => watch.remove(name)));
});

t.test("importance", async (t) => {
  const path = "/status/capacity/example.com~1foo";
  const offer = (node: string, operation: object) => {
    const patch = JSON.stringify([{ path, ...operation }]);
    return session.kubectl(["patch", "node", node, "--subresource=status", "--type=json", "-p", patch]);
  };
  const classes = Object.entries({ low: 1, medium: 2, high: 3, highest: 4 }).map(([name, value]) => ({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: `scheduling-${name}` },
    value,
  }));
  t.teardown(async () => {
    for (const node of ["node-1", "node-2"]) await offer(node, { op: "remove" });
    await session.kubectl(["delete", "priorityclass", ...classes.map(({ metadata }) => metadata.name)]);
  });
  await ns.apply(...classes);
  for (const node of ["node-1", "node-2"]) await offer(node, { op: "add", value: "1000" });
  for (const node of ["node-1", "node-2"])
    await until(`${node} offers it`, async () => {
      return (await client.get<Node>(nodes, node)).status?.allocatable?.[FOO] !== undefined;
    });
  const foo = (amount: number) => ({ limits: { [FOO]: `${amount}` } });
  const asking = (name: string, importance: string, amount: number, spec: object = {}) =>
    waiting(name, foo(amount), { priorityClassName: `scheduling-${importance}`, ...spec });

  await t.test("the least important goes, for Pods and for the system's", async (t) => {
    proves(t, preemption("validates basic preemption works"));
    proves(t, preemption("validates lower priority pod preemption by critical pod"));
    await watch.createAll([asking("low", "low", 600, on("node-1")), asking("medium", "medium", 600, on("node-2"))]);
    await Promise.all([watch.ready("low"), watch.ready("medium")]);
    await watch.create(asking("high", "high", 600));
    await watch.gone("low");
    t.equal((await watch.ready("high")).spec.nodeName, "node-1");
    const system = new NamespaceSession(session, "kube-system");
    await system.apply(waiting("scheduling-critical", foo(600), { priorityClassName: "system-cluster-critical" }));
    t.teardown(() => system.kubectl(["delete", "pod", "scheduling-critical"]));
    await watch.gone("medium");
    await until("the critical Pod is ready", async () => {
      const found = await client.get(pods, "scheduling-critical", "kube-system");
      return condition(found, "Ready")?.status === "True" && found.spec.nodeName === "node-2";
    });
    t.notOk(watch.history("high").at(-1)?.metadata.deletionTimestamp);
    await watch.remove("high");
  });

  await t.test("the one that goes says why", async (t) => {
    proves(t, preemption("validates pod disruption condition is added to the preempted pod"));
    const held = asking("victim", "low", 600, on("node-1")) as { metadata: object };
    await watch.create({ ...held, metadata: { ...held.metadata, finalizers: ["example.com/held"] } });
    await watch.ready("victim");
    await watch.create(asking("preemptor", "high", 600, on("node-1")));
    const victim = await watch.until("victim", "going", (p) => p.metadata.deletionTimestamp);
    t.match(condition(victim, "DisruptionTarget"), { status: "True", reason: "PreemptionByScheduler" });
    await watch.until("preemptor", "nominated", (p) => p.status?.nominatedNodeName === "node-1");
    await watch.patch("victim", { metadata: { finalizers: null } });
    await watch.ready("preemptor");
    await watch.remove("preemptor");
  });

  await t.test("ReplicaSets make what went again, and it waits", (t) => replicaSetsRun(t, asking));
});

type Asking = (name: string, importance: string, amount: number, spec?: object) => object;

async function replicaSetsRun(t: Test, asking: Asking) {
  proves(t, preemption("PreemptionExecutionPath runs ReplicaSets to verify preemption running path"));
  const wanted = { first: ["low", 200], second: ["medium", 300], third: ["high", 450] } as const;
  const made = (name: string) => watch.names().filter((pod) => pod.startsWith(`${name}-`)).length;
  for (const [name, [importance, amount]] of Object.entries(wanted)) {
    const { spec } = asking("template", importance, amount, on("node-1")) as { spec: object };
    const labels = { app: name };
    await ns.apply({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name },
      spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    });
    await until(`${name} is ready`, async () => {
      return (await client.get<ReplicaSet>(replicaSets, name, ns.name)).status?.readyReplicas === 1;
    });
  }
  await watch.create(asking("fourth", "highest", 500, on("node-1")));
  await watch.ready("fourth");
  t.equal(made("first"), 2, "gone, and made again");
  t.equal(made("second"), 2);
  t.equal(made("third"), 1, "undisturbed");
  await ns.kubectl(["delete", "replicaset", ...Object.keys(wanted)]);
  await watch.remove("fourth");
}
