import t from "tap";
import type { ControllerRevision, Pod, StatefulSet } from "#api/generated/types.js";
import { statefulSets } from "#api/refs.js";
import { planHistory, surplus, templateOf } from "#controlplane/controllers/history/plan.js";
import { identityLabels, newPod, ordinalOf, REVISION } from "#controlplane/controllers/statefulset/identity.js";
import { planStatefulSet } from "#controlplane/controllers/statefulset/plan.js";
import { statefulSetStatus } from "#controlplane/controllers/statefulset/status.js";
import { makePod, meta, type PodShape } from "#test/fixtures/objects.js";

const NOW = Date.parse("2026-01-01T00:01:00Z");

function makeSet(spec: Partial<StatefulSet["spec"]> = {}, extra: Partial<StatefulSet> = {}): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: meta("db", { generation: 1 }),
    spec: {
      replicas: 3,
      serviceName: "db",
      selector: { matchLabels: { app: "db" } },
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0, maxUnavailable: 1 } },
      template: { metadata: { labels: { app: "db" } }, spec: { containers: [{ name: "c", image: "db:1" }] } },
      ...spec,
    },
    ...extra,
  };
}

const rolling = (partition: number, maxUnavailable: number | string = 1): Partial<StatefulSet["spec"]> => ({
  updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition, maxUnavailable } },
});
const parallel = { podManagementPolicy: "Parallel" };

/** "0" is a Pod that is well, "0!" one that is not ready, "0-" one that is ending, "0x" one that has failed; "old" after a colon. */
function podsOf(set: StatefulSet, ...words: string[]): Pod[] {
  return words.map((word) => {
    const [, digits, state = "", revision = "new"] = /^(\d+)([!x-]?)(?::(.*))?$/.exec(word) ?? [];
    const shape: PodShape = { node: "n1", ready: state === "", deleting: state === "-" };
    if (state === "x") shape.phase = "Failed";
    const labels = { ...identityLabels(set, Number(digits)), [REVISION]: revision };
    return makePod(`db-${digits}`, { ...shape, labels });
  });
}

/** What is done next: "+0" makes a Pod, "-2" ends one. */
function next(spec: Partial<StatefulSet["spec"]>, ...words: string[]): string {
  const set = makeSet(spec);
  const plan = planStatefulSet({ set, pods: podsOf(set, ...words), current: "old", update: "new", now: NOW });
  const made = plan.create.map(({ ordinal, revision }) => `+${ordinal}${revision === "new" ? "" : `:${revision}`}`);
  return [...made, ...plan.delete.map((pod) => `-${ordinalOf(set, pod)}`)].join(" ");
}

t.test("in order: one at a time, when all before it are well", async (t) => {
  t.equal(next({}), "+0");
  t.equal(next({}, "0!"), "", "not ready yet");
  t.equal(next({}, "0"), "+1");
  t.equal(next({}, "0", "2"), "+1", "a gap is filled first");
  t.equal(next({}, "0", "1-", "2"), "", "one of the name is still going");
  t.equal(next({}, "0", "1x", "2"), "-1", "one that has ended is made again");
  t.equal(next({}, "0", "1", "2"), "");
  t.equal(next({ ordinals: { start: 5 } }, "5"), "+6");
  t.equal(next({ minReadySeconds: 90 }, "0"), "", "not for long enough");
});

t.test("scaled down the last goes first, and nothing while one is not well", async (t) => {
  t.equal(next({ replicas: 1 }, "0", "1", "2"), "-2");
  t.equal(next({ replicas: 1 }, "0", "1", "2-"), "");
  t.equal(next({ replicas: 1 }, "0", "1!", "2"), "-2", "of two that go, the last, which is well");
  t.equal(next({ replicas: 1 }, "0", "1!", "2!"), "", "the first that is not well halts the others");
  t.equal(next({ replicas: 1 }, "0", "1", "2!"), "-2", "it may go itself");
  t.equal(next({ replicas: 1 }, "0!", "1", "2"), "");
  t.equal(next({ replicas: 0 }, "0"), "-0");
  t.equal(next({ replicas: 1, ordinals: { start: 1 } }, "0", "1"), "-0", "what is before the first goes too");
});

t.test("in parallel: all at once, well or not", async (t) => {
  t.equal(next(parallel), "+0 +1 +2");
  t.equal(next(parallel, "0!"), "+1 +2");
  t.equal(next({ ...parallel, replicas: 0 }, "0!", "1", "2-"), "-1 -0");
});

t.test("a new template: the last first, above the partition, as many as may be away", async (t) => {
  const old = ["0:old", "1:old", "2:old"];
  t.equal(next({}, ...old), "-2");
  t.equal(next({}, "0:old", "1:old", "2!"), "", "the one before is not well yet");
  t.equal(next({}, "0:old", "1:old", "2"), "-1");
  t.equal(next(rolling(2), ...old), "-2");
  t.equal(next(rolling(2), "0:old", "1:old", "2"), "");
  t.equal(next(rolling(2), "1:old", "2"), "+0:old", "below the partition what was there comes back");
  t.equal(next(rolling(2), "0:old", "1:old"), "+2");
  t.equal(next(rolling(3), ...old), "");
  t.equal(next(rolling(0, 2), ...old), "-2 -1");
  t.equal(next(rolling(0, "70%"), ...old), "-2 -1", "a share is rounded down");
  t.equal(next(rolling(0, "10%"), ...old), "-2", "but is never none");
  t.equal(next({ ...parallel, ...rolling(0) }, "0:old", "1:old", "2!:old"), "-2", "what does not work is replaced");
  t.equal(next({ ...parallel, ...rolling(0) }, "0:old", "1:old", "2!"), "");
  t.equal(next({ ...parallel, ...rolling(0) }, "0!:old", "1:old", "2"), "", "another is away already");
  t.equal(next({ updateStrategy: { type: "OnDelete" } }, ...old), "");
  t.equal(next({ updateStrategy: { type: "OnDelete" } }, "1:old", "2:old"), "+0");
});

t.test("a set on its way out does nothing; a Pod of another's labels is mended", async (t) => {
  const dying = makeSet({}, { metadata: meta("db", { deletionTimestamp: "2026-01-01T00:00:00Z" }) });
  const state = { current: "new", update: "new", now: NOW };
  t.same(planStatefulSet({ set: dying, pods: [], ...state }), { create: [], mend: [], delete: [] });
  const set = makeSet();
  const [pod] = podsOf(set, "0") as [Pod];
  pod.metadata.labels = { [REVISION]: "new" };
  t.match(planStatefulSet({ set, pods: [pod], ...state }), { mend: [{ ordinal: 0 }] });
});

t.test("a Pod of its own name", async (t) => {
  const claims = [{ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "data" }, spec: {} }];
  const set = makeSet({ volumeClaimTemplates: claims as never });
  const { metadata, spec } = newPod(set, 4, set.spec.template, "db-abc");
  t.match(metadata, { name: "db-4", labels: { app: "db", "apps.kubernetes.io/pod-index": "4", [REVISION]: "db-abc" } });
  t.match(spec, { hostname: "db-4", subdomain: "db" });
  t.same(spec.volumes, [{ name: "data", persistentVolumeClaim: { claimName: "data-db-4" } }]);
  t.equal(spec.containers[0]?.image, "db:1");
  for (const name of ["db", "db-", "db-01", "db-x", "db-1-2", "other-1"])
    t.equal(ordinalOf(set, makePod(name)), undefined);
});

t.test("history: made once, found again, kept to a limit", async (t) => {
  const store = (set: StatefulSet, known: ControllerRevision[]): ControllerRevision[] => {
    const { update, write } = planHistory(statefulSets, set, known);
    const { name } = update.metadata;
    const stored = { ...update, metadata: { ...meta(String(name)), ...update.metadata } } as ControllerRevision;
    return write ? [...known.filter(({ metadata }) => metadata.name !== name), stored] : known;
  };
  const of = (image: string) =>
    makeSet({ template: { spec: { containers: [{ name: "c", image }] } }, revisionHistoryLimit: 1 });
  let known = store(of("db:1"), []);
  t.same(store(of("db:1"), known), known, "the same template is no new revision");
  for (const image of ["db:2", "db:3"]) known = store(of(image), known);
  t.same(
    known.map(({ revision }) => revision),
    [1, 2, 3],
  );
  t.same(templateOf(known[0]!), of("db:1").spec.template);
  const [first = ""] = known.map(({ metadata }) => metadata.name);
  known = store(of("db:1"), known);
  t.match(known.at(-1), { revision: 4, metadata: { name: first } }, "one goes back to an old one");
  const set = of("db:1");
  const inUse =
    (...used: string[]) =>
    ({ metadata }: ControllerRevision) =>
      used.includes(metadata.name);
  const names = (list: ControllerRevision[]) => list.map(({ revision }) => revision);
  t.same(names(surplus(set, known, inUse(first))), [2]);
  t.same(names(surplus(set, known, inUse(first, known[0]!.metadata.name))), [], "what a Pod is made from stays");
});

t.test("status", async (t) => {
  const set = makeSet();
  const status = (...words: string[]) =>
    statefulSetStatus({ set, pods: podsOf(set, ...words), current: "old", update: "new", now: NOW });
  t.match(status("0:old", "1!", "2-"), {
    ...{ replicas: 3, readyReplicas: 1, availableReplicas: 1, currentReplicas: 1, updatedReplicas: 1 },
    ...{ currentRevision: "old", updateRevision: "new", observedGeneration: 1 },
  });
  t.match(status("0", "1", "2"), { currentRevision: "new", currentReplicas: 3, updatedReplicas: 3 }, "rolled out");
  t.match(status("0", "1", "2:old"), { currentRevision: "old", currentReplicas: 1, updatedReplicas: 2 });
});
