/** Jobs whose Pods end as the test says, on a hollow node; what needs real ones is test/e2e/jobs.test.ts. */
import t, { type Test } from "tap";
import type { Job, JobSpec, Pod } from "#api/generated/types.js";
import { jobs, pods } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { eventually, find, startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;

const open = async (t: Test): Promise<Client> => (await startControlPlane(t, ["n1"])).client;

const template = (spec: object = {}) => ({
  metadata: { labels: { app: "work" } },
  spec: { restartPolicy: "Never", containers: [{ name: "c", image: "work:1" }], ...spec },
});
const create = (client: Client, spec: Partial<JobSpec> = {}): Promise<Job> =>
  client.create(jobs, { metadata: { name: "work", namespace }, spec: { template: template(), ...spec } });
const change = (client: Client, spec: object) => client.patch(jobs, "work", merge({ spec }), { namespace });

/** Resolves when the Job's status has all this. */
const status = (client: Client, wanted: object): Promise<Job> =>
  eventually(
    JSON.stringify(wanted),
    () => client.get(jobs, "work", namespace),
    ({ status }) =>
      Object.entries(wanted).every(
        ([key, value]) => (status?.[key as "active"] ?? (value === 0 ? 0 : undefined)) === value,
      ),
  );
const condition = (client: Client, type: string, reason?: string) =>
  eventually(
    `${type} ${reason}`,
    () => client.get(jobs, "work", namespace),
    ({ status }) =>
      status?.conditions?.some((c) => c.type === type && c.status === "True" && (!reason || c.reason === reason)) ??
      false,
  );

/** The Pods that run, once there are so many. */
const running = async (client: Client, count: number): Promise<Pod[]> => {
  const { items } = await eventually(
    `${count} run`,
    () => client.list<Pod>(pods, { namespace }),
    ({ items }) => items.filter(isRunning).length === count,
  );
  return items.filter(isRunning).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
};
const isRunning = ({ metadata, status }: Pod) => status?.phase === "Running" && !metadata.deletionTimestamp;

/** Lets the Pod's container end, an hour ago: nobody waits for the next one. */
function end(client: Client, { metadata }: Pod, exitCode: number, conditions: object[] = []): Promise<Pod> {
  const terminated = { exitCode, finishedAt: new Date(Date.now() - 3_600_000).toISOString() };
  const containerStatuses = [
    { name: "c", image: "", imageID: "", ready: false, restartCount: 0, state: { terminated } },
  ];
  const ended = {
    phase: exitCode === 0 ? "Succeeded" : "Failed",
    containerStatuses,
    conditions: [{ type: "Ready", status: "False" }, ...conditions],
  };
  return client.patch(pods, metadata.name, merge({ status: ended }), { namespace, subresource: "status" });
}

t.test("to completion, so many at a time, each counted once", async (t) => {
  const client = await open(t);
  const { spec, metadata } = await create(client, { completions: 3, parallelism: 2 });
  t.match(spec, { backoffLimit: 6, completionMode: "NonIndexed", podReplacementPolicy: "TerminatingOrFailed" });
  t.same(spec?.selector?.matchLabels, { "batch.kubernetes.io/controller-uid": metadata.uid });
  t.match(metadata.labels, { app: "work" }, "the template's");
  const [first, second] = (await running(client, 2)) as [Pod, Pod];
  t.match(first.metadata, {
    finalizers: ["batch.kubernetes.io/job-tracking"],
    labels: { "job-name": "work", "controller-uid": metadata.uid },
  });
  await end(client, first, 0);
  await end(client, second, 1);
  await status(client, { succeeded: 1, failed: 1, active: 2 });
  for (const pod of await running(client, 2)) await end(client, pod, 0);
  const { status: done } = await condition(client, "Complete", "CompletionsReached");
  t.match(done, { succeeded: 3, failed: 1, completionTime: /Z$/ });
  t.same([done?.active, done?.uncountedTerminatedPods], [undefined, {}]);
  const { items } = await client.list<Pod>(pods, { namespace });
  t.equal(items.length, 4);
  t.ok(
    items.every(({ metadata }) => !metadata.finalizers?.length),
    "nothing holds them any more",
  );
});

t.test("Pods adopted and released", async (t) => {
  proves(t, "[sig-apps] Job should adopt matching orphans and release non-matching pods [Conformance]");
  const client = await open(t);
  const { metadata } = await create(client, { completions: 2, parallelism: 2 });
  const [pod] = (await running(client, 2)) as [Pod, Pod];
  const { name } = pod.metadata;
  const owner = async () => (await client.get(pods, name, namespace)).metadata.ownerReferences?.[0]?.uid;
  await client.patch(pods, name, merge({ metadata: { ownerReferences: null } }), { namespace });
  await eventually("adopted", owner, (uid) => uid === metadata.uid);
  await client.patch(pods, name, merge({ metadata: { labels: { "batch.kubernetes.io/controller-uid": null } } }), {
    namespace,
  });
  await eventually("released", owner, (uid) => uid === undefined);
  await status(client, { active: 2 });
  t.equal((await running(client, 3)).length, 3, "it has another one");
});

t.test("deleted with its Pods", async (t) => {
  proves(t, "[sig-apps] Job should delete a job [Conformance]");
  for (const propagationPolicy of ["Foreground", "Background"]) {
    const client = await open(t);
    await create(client, { completions: 2, parallelism: 2 });
    await running(client, 2);
    await client.delete(jobs, "work", namespace, { propagationPolicy });
    await eventually(
      "Pods gone",
      () => client.list(pods, { namespace }),
      ({ items }) => items.length === 0,
    );
    await eventually(
      "gone",
      () => find(client, jobs, "work", namespace),
      (job) => job === undefined,
    );
  }
});

t.test("suspended, changed, replaced, resumed", async (t) => {
  proves(t, "[sig-apps] Job should manage the lifecycle of a job [Conformance]");
  const client = await open(t);
  await create(client, { suspend: true, parallelism: 2, completions: 2 });
  await condition(client, "Suspended", "JobSuspended");
  await client.patch(jobs, "work", merge({ metadata: { labels: { e2e: "patched" } } }), { namespace });
  const job = await client.get(jobs, "work", namespace);
  await client.update(jobs, {
    ...job,
    spec: { ...job.spec!, parallelism: 1 },
    metadata: { ...job.metadata, annotations: { updated: "true" } },
  });
  const { items } = await client.list<Job>(jobs, { labelSelector: "e2e=patched" });
  t.match(items, [{ spec: { parallelism: 1 }, metadata: { annotations: { updated: "true" } } }]);
  t.equal((await client.list(pods, { namespace })).items.length, 0);
  await change(client, { suspend: false });
  await running(client, 1);
  await change(client, { suspend: true });
  await status(client, { active: 0, startTime: undefined });
  await eventually(
    "ended",
    () => client.list(pods, { namespace }),
    ({ items }) => items.length === 0,
  );
  t.equal((await client.get(jobs, "work", namespace)).status?.failed, undefined, "that is no failure");
  await client.deleteCollection(jobs, { namespace, labelSelector: "e2e=patched" });
  await eventually(
    "gone",
    () => find(client, jobs, "work", namespace),
    (found) => found === undefined,
  );
});

t.test("status: read, replaced, patched", async (t) => {
  proves(t, "[sig-apps] Job should apply changes to a job status [Conformance]");
  const client = await open(t);
  await create(client, { suspend: true });
  const job = await condition(client, "Suspended");
  const startTime = "2026-01-01T00:00:00Z";
  const own = { type: "StatusUpdate", status: "True", reason: "E2E" };
  const status = { ...job.status, conditions: [...(job.status?.conditions ?? []), own] };
  await client.update(jobs, { ...job, status }, { subresource: "status" });
  await condition(client, "StatusUpdate", "E2E");
  const patched = await client.patch(jobs, "work", merge({ status: { startTime } }), {
    namespace,
    subresource: "status",
  });
  t.equal(patched.status?.startTime, startTime);
  await t.rejects(
    client.patch(jobs, "work", merge({ status: { completionTime: startTime } }), { namespace, subresource: "status" }),
    { code: 422, message: /completionTime: Invalid value/ },
  );
});

t.test("rules for failures", async (t) => {
  await t.test("of an exit code: the Job is over", async (t) => {
    proves(
      t,
      "[sig-apps] Job should allow to use the pod failure policy on exit code to fail the job early [Conformance]",
    );
    const client = await open(t);
    const onExitCodes = { containerName: "c", operator: "In", values: [42] };
    await create(client, {
      completions: 2,
      parallelism: 2,
      podFailurePolicy: { rules: [{ action: "FailJob", onExitCodes }] },
    });
    const [first] = (await running(client, 2)) as [Pod, Pod];
    await end(client, first, 42);
    const { status } = await condition(client, "Failed", "PodFailurePolicy");
    const { message } = status?.conditions?.find(({ type }) => type === "Failed") ?? {};
    t.equal(
      message,
      `Container c for pod default/${first.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
    );
    await running(client, 0);
  });

  await t.test("of a disruption: as if it had not been", async (t) => {
    proves(
      t,
      "[sig-apps] Job should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition [Conformance]",
    );
    const client = await open(t);
    const rule = { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] };
    await create(client, { backoffLimit: 0, podFailurePolicy: { rules: [rule] } } as never);
    const [first] = (await running(client, 1)) as [Pod];
    await end(client, first, 143, [{ type: "DisruptionTarget", status: "True" }]);
    const [second] = (await running(client, 1)) as [Pod];
    t.not(second.metadata.uid, first.metadata.uid);
    await end(client, second, 0);
    t.equal((await condition(client, "Complete")).status?.failed, undefined);
  });

  await t.test("of an index: that is not tried again", async (t) => {
    proves(
      t,
      "[sig-apps] Job should mark indexes as failed when the FailIndex action is matched in podFailurePolicy [Conformance]",
    );
    const client = await open(t);
    const rule = { action: "FailIndex", onExitCodes: { operator: "In", values: [42] } };
    const spec = { completions: 2, parallelism: 2, completionMode: "Indexed", backoffLimitPerIndex: 1 };
    await create(client, { ...spec, podFailurePolicy: { rules: [rule] } });
    const [zero, one] = (await running(client, 2)) as [Pod, Pod];
    await end(client, zero, 42);
    await end(client, one, 0);
    const { status } = await condition(client, "Failed", "FailedIndexes");
    t.match(status, { failedIndexes: "0", completedIndexes: "1", failed: 1, succeeded: 1 });
  });
});

t.test("failures by index", async (t) => {
  const spec = { completions: 4, parallelism: 4, completionMode: "Indexed", backoffLimitPerIndex: 1 };
  const half = async (client: Client, count: number) => {
    for (const [i, pod] of (await running(client, count)).entries()) await end(client, pod, i % 2);
  };

  await t.test("the others are tried to the end", async (t) => {
    proves(
      t,
      "[sig-apps] Job should execute all indexes despite some failing when using backoffLimitPerIndex [Conformance]",
    );
    const client = await open(t);
    await create(client, spec);
    await half(client, 4);
    const again = await running(client, 2);
    t.match(
      again.map(({ metadata }) => metadata.annotations?.["batch.kubernetes.io/job-index-failure-count"]),
      ["1", "1"],
    );
    for (const pod of again) await end(client, pod, 1);
    const { status } = await condition(client, "Failed", "FailedIndexes");
    t.match(status, { completedIndexes: "0,2", failedIndexes: "1,3", succeeded: 2, failed: 4 });
  });

  await t.test("or not, when there are too many", async (t) => {
    proves(
      t,
      "[sig-apps] Job should terminate job execution when the number of failed indexes exceeds maxFailedIndexes [Conformance]",
    );
    const client = await open(t);
    await create(client, { ...spec, backoffLimitPerIndex: 0, maxFailedIndexes: 0 });
    const all = await running(client, 4);
    await end(client, all[1]!, 1);
    const { status } = await condition(client, "Failed", "MaxFailedIndexesExceeded");
    t.match(status, { failedIndexes: "1" });
    await running(client, 0);
  });
});

t.test("success policies", async (t) => {
  const ended = async (t: Test, rules: object[] | undefined, indexes: number[], reason: string) => {
    const client = await open(t);
    const spec = { completions: 4, parallelism: 4, completionMode: "Indexed" };
    await create(client, { ...spec, ...(rules ? { successPolicy: { rules } } : {}) } as never);
    const all = await running(client, 4);
    for (const index of indexes) await end(client, all[index]!, 0);
    const { status } = await condition(client, "Complete", reason);
    t.ok(status?.conditions?.some(({ type }) => type === "SuccessCriteriaMet"));
    await running(client, 0);
    return status?.completedIndexes;
  };
  const name = "[sig-apps] Job with successPolicy";
  await t.test("all", async (t) => {
    proves(t, `${name} should succeeded when all indexes succeeded [Conformance]`);
    t.equal(await ended(t, [{ succeededCount: 4 }], [0, 1, 2, 3], "SuccessPolicy"), "0-3");
  });
  await t.test("so many", async (t) => {
    proves(t, `${name} succeededCount rule should succeeded even when some indexes remain pending [Conformance]`);
    t.equal(await ended(t, [{ succeededCount: 1 }], [2], "SuccessPolicy"), "2");
  });
  await t.test("these", async (t) => {
    proves(t, `${name} succeededIndexes rule should succeeded even when some indexes remain pending [Conformance]`);
    t.equal(await ended(t, [{ succeededIndexes: "0-1" }], [0, 1], "SuccessPolicy"), "0-1");
  });
});

t.test("gone when its time is over", async (t) => {
  const client = await open(t);
  await create(client, { ttlSecondsAfterFinished: 1 });
  const [pod] = (await running(client, 1)) as [Pod];
  await end(client, pod, 0);
  await eventually(
    "gone",
    () => find(client, jobs, "work", namespace),
    (job) => job === undefined,
  );
  await eventually(
    "its Pod too",
    () => find(client, pods, pod.metadata.name, namespace),
    (found) => found === undefined,
  );
});

t.test("what is not valid, and what cannot change", async (t) => {
  const client = await open(t);
  const refused = (spec: object, message: RegExp) => t.rejects(create(client, spec as never), { code: 422, message });
  await refused(
    { template: template({ restartPolicy: "Always" }) },
    /restartPolicy: Required value: valid values: "OnFailure", "Never"/,
  );
  await refused(
    { parallelism: -1, backoffLimit: -1 },
    /parallelism: Invalid value: -1.*backoffLimit: Invalid value: -1/,
  );
  await refused(
    { completionMode: "Indexed", parallelism: 1 },
    /completions: Required value: when completion mode is Indexed/,
  );
  await refused(
    { backoffLimitPerIndex: 1 },
    /backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode/,
  );
  const rule = (more: object) => ({ podFailurePolicy: { rules: [{ action: "FailJob", ...more }] } });
  await refused(rule({}), /specifying one of OnExitCodes and OnPodConditions is required/);
  await refused(
    rule({ onExitCodes: { operator: "In", values: [2, 1, 0] } }),
    /must be ordered.*must not be 0 for the In operator/,
  );
  await refused(
    { ...rule({ onExitCodes: { operator: "In", values: [1] } }), template: template({ restartPolicy: "OnFailure" }) },
    /only "Never" is supported/,
  );
  await refused(
    { successPolicy: { rules: [{ succeededCount: 1 }] } },
    /successPolicy: Invalid value.*requires indexed completion mode/,
  );
  await refused({ selector: { matchLabels: { app: "other" } } }, /`selector` does not match template `labels`/);
  await create(client, { completions: 1 });
  await t.rejects(change(client, { completions: 2 }), {
    code: 422,
    message: /completions: Invalid value: 2: field is immutable/,
  });
  await t.rejects(change(client, { template: template({ containers: [{ name: "c", image: "work:2" }] }) }), {
    code: 422,
    message: /spec.template/,
  });
});
