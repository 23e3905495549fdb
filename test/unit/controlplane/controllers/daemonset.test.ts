import t from "tap";
import type { DaemonSet, Node, Pod } from "#api/generated/types.js";
import { nodeOf, podFor, REVISION, verdictOf } from "#controlplane/controllers/daemonset/node-pods.js";
import { daemonSetStatus, planDaemonSet } from "#controlplane/controllers/daemonset/plan.js";
import { Retries } from "#controlplane/controllers/daemonset/retries.js";
import { makeNode, makePod, meta, type PodShape } from "#test/fixtures/objects.js";

const NOW = Date.parse("2026-01-01T00:01:00Z");
const rolling = (maxUnavailable: number | string, maxSurge: number | string = 0): Partial<DaemonSet["spec"]> => ({
  updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable, maxSurge } },
});

function makeSet(spec: Partial<DaemonSet["spec"]> = {}): DaemonSet {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: meta("logs", { generation: 1 }),
    spec: {
      selector: { matchLabels: { app: "logs" } },
      template: { metadata: { labels: { app: "logs" } }, spec: { containers: [{ name: "c", image: "logs:1" }] } },
      ...rolling(1),
      ...spec,
    },
  };
}

/** "a" is a Pod on node a that is well, "a!" one that is not ready, "a-" one that is ending, "ax" one that has failed; ":old" after. */
function podsOf(...words: string[]): Pod[] {
  return words.map((word, i) => {
    const [, node = "", state = "", revision = "new"] = /^([a-z])([!x-]?)(?::(.*))?$/.exec(word) ?? [];
    const shape: PodShape = { node, ready: state === "", deleting: state === "-", labels: { [REVISION]: revision } };
    if (state === "x") shape.phase = "Failed";
    return makePod(`${node}${i}`, { ...shape, created: `2026-01-01T00:00:0${i}Z` });
  });
}

const nodes = ["a", "b", "c"].map((name) => makeNode(name));
const stateOf = (spec: Partial<DaemonSet["spec"]>, ...words: string[]) => ({
  ...{ set: makeSet(spec), pods: podsOf(...words), nodes, hash: "new", now: NOW },
});

/** What is done next: "+a" makes a Pod for node a, "-b1" ends one, "?c0" ends one that has ended by itself. */
function next(spec: Partial<DaemonSet["spec"]>, ...words: string[]): string {
  const plan = planDaemonSet(stateOf(spec, ...words));
  const ended = plan.ended.map(({ pod }) => `?${pod.metadata.name}`);
  return [
    ...plan.create.map((node) => `+${node}`),
    ...plan.delete.map((pod) => `-${pod.metadata.name}`),
    ...ended,
  ].join(" ");
}

t.test("one on each node", async (t) => {
  t.equal(next({}), "+a +b +c");
  t.equal(next({}, "a", "b!"), "+c");
  t.equal(next({}, "a", "b", "c"), "");
  t.equal(next({}, "a", "b", "c-"), "", "the one before is still going");
  t.equal(next({}, "a", "a", "b", "c"), "-a1", "the oldest stays");
  t.equal(next({}, "a", "b", "cx"), "?c2");
  const gone = { ...stateOf({}, "a", "b", "c"), nodes: nodes.slice(1) };
  t.same(planDaemonSet(gone).delete, [], "what ran on a node that is gone is collected with it");
  const waiting: Pod = makePod("w", { spec: { affinity: podFor(makeSet(), "gone", "new").spec.affinity } });
  t.equal(nodeOf(waiting), "gone");
  t.same(planDaemonSet({ ...gone, pods: [waiting] }).delete, [waiting], "what waits for it is not");
});

t.test("a new template: as many as may be away, what does not work first", async (t) => {
  const old = ["a:old", "b:old", "c:old"];
  t.equal(next({}, ...old), "-a0");
  t.equal(next({}, "a!", "b:old", "c:old"), "", "the new one is not well yet");
  t.equal(next({}, "a", "b:old", "c:old"), "-b1");
  t.equal(next({}, "a!", "b!:old", "c:old"), "-b1", "an old one that is away already asks nobody");
  t.equal(next(rolling(2), ...old), "-a0 -b1");
  t.equal(next(rolling("50%"), ...old), "-a0 -b1", "a share is rounded up");
  t.equal(next({ updateStrategy: { type: "OnDelete" } }, ...old), "");
  t.equal(next({ minReadySeconds: 90 }, "a", "b:old", "c:old"), "-b1 -c2", "none was ready for long enough");
});

t.test("with a surge the new one comes first", async (t) => {
  const surge = rolling(0, 1);
  t.equal(next(surge, "a:old", "b:old", "c:old"), "+a");
  t.equal(next(surge, "a:old", "a!", "b:old", "c:old"), "");
  t.equal(next(surge, "a:old", "a", "b:old", "c:old"), "-a0 +b".split(" ").reverse().join(" "));
  t.equal(next(surge, "a", "b", "c!:old"), "+c");
  t.equal(next(surge, "a:old", "a", "a", "b", "c"), "-a2", "but never two of a kind");
});

t.test("which nodes", async (t) => {
  const verdict = (node: Partial<Parameters<typeof makeNode>[1]>, spec: object = {}) => {
    const { run, stay } = verdictOf(
      makeSet({ template: { spec: { containers: [], ...spec } } }),
      makeNode("a", { labels: { disk: "ssd" }, ...node }),
    );
    return `${run ? "run" : "not"} ${stay ? "stay" : "go"}`;
  };
  const tainted = (key: string, effect: string) => ({ spec: { taints: [{ key, effect }] } });
  t.equal(verdict({}), "run stay");
  t.equal(verdict({}, { nodeSelector: { disk: "hdd" } }), "not go");
  t.equal(verdict({}, { nodeName: "b" }), "not go");
  t.equal(verdict(tainted("own", "NoSchedule")), "not stay");
  t.equal(verdict(tainted("own", "NoExecute")), "not go");
  t.equal(verdict(tainted("own", "PreferNoSchedule")), "run stay");
  t.equal(verdict(tainted("own", "NoExecute"), { tolerations: [{ operator: "Exists" }] }), "run stay");
  t.equal(verdict(tainted("node.kubernetes.io/unschedulable", "NoSchedule")), "run stay", "also on a cordoned one");
  t.equal(verdict(tainted("node.kubernetes.io/unreachable", "NoExecute")), "run stay");
  t.equal(verdict(tainted("node.kubernetes.io/network-unavailable", "NoSchedule")), "not stay");
  t.equal(verdict(tainted("node.kubernetes.io/network-unavailable", "NoSchedule"), { hostNetwork: true }), "run stay");
});

t.test("a Pod names its node, in place of what the template requires", async (t) => {
  const term = (key: string) => ({ matchExpressions: [{ key, operator: "Exists" }] });
  const nodeAffinity = {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term("x")] },
    preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: term("y") }],
  };
  const template = { spec: { containers: [], affinity: { nodeAffinity } } };
  const { metadata, spec } = podFor(makeSet({ template }), "n1", "abc");
  t.match(metadata.labels, { [REVISION]: "abc" });
  t.same(spec.affinity?.nodeAffinity, {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }],
    },
    preferredDuringSchedulingIgnoredDuringExecution: nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution,
  });
});

t.test("status", async (t) => {
  const meant: Node[] = [...nodes, makeNode("d", { spec: { taints: [{ key: "own", effect: "NoSchedule" }] } })];
  t.match(daemonSetStatus({ ...stateOf({}, "a", "b!:old", "d"), nodes: meant }), {
    ...{ desiredNumberScheduled: 3, currentNumberScheduled: 2, numberMisscheduled: 1, numberReady: 1 },
    ...{ updatedNumberScheduled: 1, numberAvailable: 1, numberUnavailable: 2, observedGeneration: 1 },
  });
});

t.test("what ends again and again is made again ever later", async (t) => {
  const retries = new Retries();
  t.equal(retries.take("x/a", 0), 0);
  t.equal(retries.take("x/a", 400), 600);
  t.equal(retries.take("x/b", 400), 0, "each node has its own");
  t.equal(retries.take("x/a", 1_000), 0);
  t.equal(retries.take("x/a", 1_000), 2_000);
  t.equal(retries.take("x/a", 10_000_000), 0);
  t.equal(retries.take("x/a", 10_000_000), 1_000, "long ago is forgotten");
  retries.forget("x/");
  t.equal(retries.take("x/a", 10_000_000), 0);
});
