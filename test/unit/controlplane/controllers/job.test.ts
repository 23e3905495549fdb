import t from "tap";
import type { Job, JobSpec, Pod } from "#api/generated/types.js";
import { formatIndexes, parseIndexes } from "#api/index-ranges.js";
import { nextTry } from "#controlplane/controllers/job/backoff.js";
import { indexAnnotations, indexOf } from "#controlplane/controllers/job/indexes.js";
import { type JobPlan, planJob } from "#controlplane/controllers/job/plan.js";
import { podFor } from "#controlplane/controllers/job/pods.js";
import { isTracked, TRACKING } from "#controlplane/controllers/job/tracking.js";
import { makePod, meta } from "#test/fixtures/objects.js";

const NOW = Date.parse("2026-01-01T01:00:00Z");
const STARTED = "2026-01-01T00:00:00Z";

function makeJob(spec: Partial<JobSpec> = {}, status: Job["status"] = { startTime: STARTED }): Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: meta("work", { generation: 1 }),
    spec: {
      ...{ parallelism: 1, completions: 1, backoffLimit: 6, completionMode: "NonIndexed", suspend: false },
      podReplacementPolicy: "TerminatingOrFailed",
      selector: { matchLabels: { job: "work" } },
      template: {
        metadata: { labels: { job: "work" } },
        spec: { restartPolicy: "Never", containers: [{ name: "c", image: "work:1" }] },
      },
      ...spec,
    },
    status,
  };
}

const indexed = (completions: number, more: Partial<JobSpec> = {}): Partial<JobSpec> => ({
  ...{ completionMode: "Indexed", completions, parallelism: completions },
  ...more,
});

let count = 0;

/** "run", "ok", "fail" or "end" (is on its way out), with an exit code and an index: "fail:42@1". "-" in front: was counted. */
function podOf(word: string): Pod {
  const [, seen, state = "", code = "1", index] = /^(-?)(run|ok|fail|end)(?::(\d+))?(?:@(\d+))?$/.exec(word) ?? [];
  const phase = { run: "Running", ok: "Succeeded", fail: "Failed", end: "Running" }[state] as string;
  const annotations = index === undefined ? {} : indexAnnotations(Number(index), undefined);
  const pod = makePod(`p${count++}-${word}`, {
    node: "n",
    phase,
    ready: state === "run",
    deleting: state === "end",
    annotations,
  });
  if (!seen) pod.metadata.finalizers = [TRACKING];
  const terminated = { exitCode: state === "ok" ? 0 : Number(code), finishedAt: STARTED };
  const [status] = pod.status!.containerStatuses!;
  if (state === "ok" || state === "fail") status!.state = { terminated };
  return pod;
}

const plan = (job: Job, ...words: string[]) => planJob({ job, pods: words.map(podOf), now: NOW });
const short = ({ metadata }: Pod) => metadata.name.replace(/^p\d+-/, "");

/** "+2" makes two Pods, "+@1" one for an index, "x" dismisses, "!" ends, "~" has counted. */
function told({ create, dismiss, end, untrack, track }: JobPlan): string {
  const plain = create.filter(({ index }) => index === undefined).length;
  const of = (sign: string, pods: Pod[]) => pods.map((pod) => `${sign}${short(pod)}`);
  const orders = create.flatMap(({ index, failures }) =>
    index === undefined ? [] : [`+@${index}${failures ? `(${failures})` : ""}`],
  );
  return [
    plain > 0 ? `+${plain}` : "",
    ...orders,
    ...of("x", dismiss),
    ...of("!", end),
    ...of("~", untrack),
    ...of("t", track),
  ]
    .filter(Boolean)
    .join(" ");
}

const next = (spec: Partial<JobSpec>, ...words: string[]) => told(plan(makeJob(spec), ...words));
const conditions = ({ status }: JobPlan) =>
  (status.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`).join(", ");

t.test("as many Pods as are still to succeed, so many at a time", async (t) => {
  t.equal(next({}), "+1");
  t.equal(next({}, "run"), "");
  t.equal(next({ parallelism: 2, completions: 5 }), "+2");
  t.equal(next({ parallelism: 2, completions: 5 }, "run", "ok"), "+1 ~ok");
  t.equal(next({ parallelism: 3, completions: 2 }), "+2");
  t.equal(next({ parallelism: 1, completions: 3 }, "run", "run"), "xrun", "fewer at a time");
  t.equal(next({ parallelism: 0, completions: 3 }, "run"), "xrun");
  t.equal(next({ completions: undefined, parallelism: 3 }), "+3");
  t.equal(
    next({ completions: undefined, parallelism: 3 }, "run", "ok", "run"),
    "~ok",
    "one has found that there is no more",
  );
  t.equal(next({}, "-run"), "t-run", "one that was adopted");
  t.equal(next({ podReplacementPolicy: "Failed" }, "end"), "", "the one before is still going");
  t.equal(next({}, "end"), "+1 ~end");
});

t.test("each Pod is counted once: uid in the status, finalizer gone, number", async (t) => {
  const job = makeJob({ completions: 2 });
  const pod = podOf("ok");
  const first = planJob({ job, pods: [pod], now: NOW });
  t.match(first.status, { succeeded: undefined, uncountedTerminatedPods: { succeeded: [pod.metadata.uid] } });
  const again = planJob({ job: { ...job, status: first.status }, pods: [pod], now: NOW });
  t.same(again.status, first.status, "nothing is counted while the finalizer is there");
  t.same(again.untrack, [pod]);
  const free = { ...pod, metadata: { ...pod.metadata, finalizers: [] } };
  const third = planJob({ job: { ...job, status: first.status }, pods: [free], now: NOW });
  t.match(third.status, { succeeded: 1, uncountedTerminatedPods: { succeeded: undefined } });
  const gone = planJob({ job: { ...job, status: first.status }, pods: [], now: NOW });
  t.match(gone.status, { succeeded: 1 }, "one that was deleted since too");
  t.same(planJob({ job: { ...job, status: third.status }, pods: [free], now: NOW }).status, third.status);
});

t.test("over when nothing runs and everything is counted", async (t) => {
  const enough = plan(makeJob({ parallelism: 2 }, { startTime: STARTED }), "ok", "run");
  t.equal(conditions(enough), "SuccessCriteriaMet=True CompletionsReached");
  t.equal(told(enough), "xrun ~ok");
  const counted = { ...enough.status, succeeded: 1, uncountedTerminatedPods: {} };
  t.equal(conditions(plan(makeJob({}, counted), "-ok", "end")), conditions(enough), "one is still on its way out");
  const over = plan(makeJob({}, counted), "-ok");
  t.equal(conditions(over), "SuccessCriteriaMet=True CompletionsReached, Complete=True CompletionsReached");
  t.match(over, { status: { completionTime: "2026-01-01T01:00:00Z" }, events: [{ reason: "Completed" }] });
  t.same(plan(makeJob({}, over.status), "-ok").status, over.status, "for good");
  t.equal(conditions(plan(makeJob({ completions: 0 }))), "SuccessCriteriaMet=True CompletionsReached");
});

t.test("failures: limit, deadline, restarts in place", async (t) => {
  const reason = (spec: Partial<JobSpec>, status: Job["status"], ...words: string[]) =>
    conditions(plan(makeJob(spec, { startTime: STARTED, ...status }), ...words));
  t.equal(reason({}, { failed: 6 }, "run"), "");
  t.equal(reason({}, { failed: 6 }, "fail"), "FailureTarget=True BackoffLimitExceeded");
  t.equal(
    told(plan(makeJob({ parallelism: 2 }, { failed: 6 }), "fail", "run")),
    "!run ~fail",
    "what still runs is ended",
  );
  t.equal(reason({ activeDeadlineSeconds: 3600 }, {}), "FailureTarget=True DeadlineExceeded");
  t.equal(plan(makeJob({ activeDeadlineSeconds: 3660 })).requeueAfter, 60_000);
  const onFailure = { template: { spec: { restartPolicy: "OnFailure", containers: [] } } };
  const restarted = podOf("run");
  restarted.status!.containerStatuses![0]!.restartCount = 6;
  const job = makeJob(onFailure);
  t.equal(conditions(planJob({ job, pods: [restarted], now: NOW })), "FailureTarget=True BackoffLimitExceeded");
  restarted.status!.containerStatuses![0]!.restartCount = 5;
  t.equal(conditions(planJob({ job, pods: [restarted], now: NOW })), "");
});

t.test("after failures it waits", async (t) => {
  const at = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
  const ended = (seconds: number, word = "fail") => {
    const pod = podOf(`-${word}`);
    pod.status!.containerStatuses![0]!.state!.terminated!.finishedAt = at(seconds);
    return pod;
  };
  const wait = (...pods: Pod[]) => (nextTry(pods, ({ status }) => status?.phase === "Failed", NOW) - NOW) / 1000;
  t.equal(wait(), 0);
  t.equal(wait(ended(4)), 6);
  t.equal(wait(ended(30), ended(4)), 16);
  t.equal(wait(ended(4), ended(90), ended(60)), 36);
  t.equal(wait(ended(30), ended(20, "ok"), ended(4)), 6, "a success ends the row");
  t.ok(wait(ended(30), ended(4, "ok")) <= 0);
  const { create, requeueAfter } = planJob({ job: makeJob(), pods: [ended(4)], now: NOW });
  t.same([create, requeueAfter], [[], 6000]);
});

t.test("suspended and resumed", async (t) => {
  const paused = plan(makeJob({ suspend: true }), "run");
  t.equal(told(paused), "xrun");
  t.match(paused, { status: { startTime: undefined }, events: [{ reason: "Suspended" }] });
  t.equal(conditions(paused), "Suspended=True JobSuspended");
  const resumed = plan(makeJob({}, paused.status));
  t.equal(conditions(resumed), "Suspended=False JobResumed");
  t.match(resumed, { status: { startTime: "2026-01-01T01:00:00Z" }, create: [{}] });
});

t.test("by index: each until it succeeded", async (t) => {
  t.equal(next(indexed(3)), "+@0 +@1 +@2");
  t.equal(next(indexed(3, { parallelism: 2 })), "+@0 +@1");
  t.equal(next(indexed(3), "run@0", "ok@1", "fail@2"), "+@2 ~ok@1 ~fail@2");
  t.equal(
    next(indexed(3), "run@0", "run@0", "run@1", "run@7", "run@2"),
    "xrun@0 xrun@7",
    "one of each, and of no other",
  );
  const { status } = plan(makeJob(indexed(3), { completedIndexes: "0" }), "ok@1");
  t.match(status, { completedIndexes: "0,1".replace(",", "-"), succeeded: 2 });
  t.equal(told(plan(makeJob(indexed(2), { completedIndexes: "0-1" }))), "");
});

t.test("by index: so many failures of each", async (t) => {
  const spec = indexed(3, { backoffLimitPerIndex: 1, backoffLimit: 2 ** 31 - 1 });
  t.equal(next(spec, "fail@0", "run@1", "ok@2"), "+@0(1) ~fail@0 ~ok@2", "the next one knows of the failure");
  const second = podOf("fail@0");
  second.metadata.annotations = indexAnnotations(0, 1);
  const rest = ["run@1", "ok@2"].map(podOf);
  const failed = planJob({ job: makeJob(spec), pods: [second, ...rest], now: NOW });
  t.match(failed.status, { failedIndexes: "0", completedIndexes: "2" });
  t.equal(failed.create.length, 0);
  const status = { startTime: STARTED, failedIndexes: "0", completedIndexes: "1-2" };
  t.equal(
    conditions(plan(makeJob(spec, status))),
    "FailureTarget=True FailedIndexes",
    "the others were tried to the end",
  );
  const strict = { ...spec, maxFailedIndexes: 0 };
  t.equal(
    conditions(plan(makeJob(strict, { failedIndexes: "0" }), "run@1")),
    "FailureTarget=True MaxFailedIndexesExceeded",
  );
});

t.test("rules for failures", async (t) => {
  const policy = (action: string, rule: object) => ({
    podReplacementPolicy: "Failed",
    podFailurePolicy: { rules: [{ action, ...rule }] },
  });
  const on42 = { onExitCodes: { operator: "In", values: [42] } };
  const fatal = plan(makeJob(policy("FailJob", on42)), "fail:42");
  t.match(fatal.status.conditions, [
    {
      reason: "PodFailurePolicy",
      message: /^Container c for pod ns\/p\d+-fail:42 failed with exit code 42 matching FailJob rule at index 0$/,
    },
  ]);
  t.equal(conditions(plan(makeJob(policy("FailJob", on42)), "fail:1")), "");
  const ignored = plan(makeJob({ backoffLimit: 0, ...policy("Ignore", on42) }), "fail:42");
  t.equal(told(ignored), "+1 ~fail:42", "as if it had not been, at once");
  t.same(ignored.status.uncountedTerminatedPods, { succeeded: undefined, failed: undefined });
  const byCondition = { onPodConditions: [{ type: "DisruptionTarget", status: "True" }] };
  const disrupted = podOf("fail");
  disrupted.status!.conditions = [{ type: "DisruptionTarget", status: "True" }];
  t.equal(
    told(
      planJob({ job: makeJob({ backoffLimit: 0, ...policy("Ignore", byCondition) }), pods: [disrupted], now: NOW }),
    ).slice(0, 2),
    "+1",
  );
  const index = indexed(2, { backoffLimitPerIndex: 3, ...policy("FailIndex", on42) });
  t.match(plan(makeJob(index), "fail:42@0", "run@1").status, { failedIndexes: "0" });
});

t.test("rules for success", async (t) => {
  const met = (rule: object, completedIndexes: string) =>
    conditions(
      plan(makeJob(indexed(5, { successPolicy: { rules: [rule] } }), { startTime: STARTED, completedIndexes })),
    );
  const yes = "SuccessCriteriaMet=True SuccessPolicy";
  t.equal(met({ succeededIndexes: "0-1" }, "0"), "");
  t.equal(met({ succeededIndexes: "0-1" }, "0-1"), yes);
  t.equal(met({ succeededCount: 2 }, "1,4"), yes);
  t.equal(met({ succeededIndexes: "0-2", succeededCount: 1 }, "4"), "");
  t.equal(met({ succeededIndexes: "0-2", succeededCount: 1 }, "2,4"), yes);
});

t.test("a Pod of the Job, and of an index", async (t) => {
  const draft = podFor(makeJob(), {});
  t.ok(isTracked(draft as Pod));
  t.equal(draft.metadata.generateName, "work-");
  const third = podFor(makeJob(indexed(4)), { index: 3, failures: 2 });
  t.equal(indexOf(third as Pod), 3);
  t.match(third, {
    metadata: {
      generateName: "work-3-",
      labels: { "batch.kubernetes.io/job-completion-index": "3" },
      annotations: { "batch.kubernetes.io/job-index-failure-count": "2" },
    },
    spec: { hostname: "work-3", containers: [{ env: [{ name: "JOB_COMPLETION_INDEX" }] }] },
  });
  const dying = makeJob();
  dying.metadata.deletionTimestamp = STARTED;
  t.equal(told(plan(dying, "run", "-fail")), "~run", "when the Job goes, nothing holds its Pods");
});

t.test("indexes in text", async (t) => {
  t.equal(formatIndexes([5, 0, 1, 2, 7, 8]), "0-2,5,7-8");
  t.same([...(parseIndexes("0-2,5") ?? [])], [0, 1, 2, 5]);
  for (const text of ["1,0", "a", "3-1", "1,1", "1-", ","]) t.equal(parseIndexes(text), undefined, text);
});
