import t from "tap";
import { CronSchedule, isTimeZone } from "#api/cron-schedule.js";
import type { CronJob, CronJobSpec, Job } from "#api/generated/types.js";
import { planCronJob } from "#controlplane/controllers/cronjob/plan.js";
import { meta } from "#test/fixtures/objects.js";

const at = (text: string) => Date.parse(`2026-${text}Z`);
const iso = (ms: number | undefined) => ms && new Date(ms).toISOString().slice(5, 16);

function make(spec: Partial<CronJobSpec>, status: CronJob["status"] = {}): CronJob {
  const jobTemplate = { spec: { template: { spec: { containers: [] } } } };
  const metadata = meta("tick", { creationTimestamp: "2026-03-01T00:00:30Z" });
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata,
    spec: { schedule: "*/5 * * * *", jobTemplate, ...spec },
    status,
  };
}

function job(name: string, type?: "Complete" | "Failed", startTime = "2026-03-01T00:00:00Z"): Job {
  const conditions = type && [{ type, status: "True" }];
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: meta(name),
    spec: { template: {} },
    status: { startTime, conditions },
  };
}

const plan = (now: string, spec: Partial<CronJobSpec>, status?: CronJob["status"], ...jobs: Job[]) =>
  planCronJob({ cronJob: make(spec, status), jobs, now: at(now) });

t.test("when it is due", async (t) => {
  const first = plan("03-01T00:04:00", {});
  t.same([first.create, first.requeueAfter], [undefined, 60_000]);
  const due = plan("03-01T00:05:00", {});
  t.match(due.create, { metadata: { name: "tick-29538725" } });
  t.match(due, { status: { lastScheduleTime: "2026-03-01T00:05:00Z" }, requeueAfter: 300_000 });
  t.equal(plan("03-01T00:06:00", {}, due.status).create, undefined, "once");
  t.equal(
    plan("03-01T00:17:00", {}, due.status).create?.metadata.name,
    "tick-29538735",
    "the last one that was missed",
  );
  t.equal(plan("03-01T00:05:00", { suspend: true }).create, undefined);
  t.equal(plan("03-01T00:05:00", { schedule: "0 0 30 2 *" }).requeueAfter, undefined, "never");
});

t.test("what was missed", async (t) => {
  t.ok(plan("03-01T00:05:09", { startingDeadlineSeconds: 10 }).create);
  const late = plan("03-01T00:05:11", { startingDeadlineSeconds: 10 });
  t.equal(late.create, undefined);
  t.match(late.events, [{ type: "Warning", reason: "MissSchedule" }]);
  const many = plan("03-02T00:00:00", {});
  t.match(many, { events: [{ reason: "TooManyMissedTimes" }], create: {} }, "it goes on");
});

t.test("beside one that runs", async (t) => {
  const running = job("old");
  const now = "03-01T00:05:00";
  t.match(plan(now, { concurrencyPolicy: "Allow" }, {}, running), { create: {}, replace: [] });
  t.match(plan(now, { concurrencyPolicy: "Forbid" }, {}, running), {
    create: undefined,
    events: [{ reason: "JobAlreadyActive" }],
  });
  t.match(plan(now, { concurrencyPolicy: "Replace" }, {}, running), { create: {}, replace: [running] });
  t.match(plan(now, { concurrencyPolicy: "Forbid" }, {}, job("old", "Failed")), { create: {} });
});

t.test("what has become of its Jobs", async (t) => {
  const jobs = [
    job("a", "Complete", "2026-03-01T00:02:00Z"),
    job("b", "Complete", "2026-03-01T00:01:00Z"),
    job("c", "Failed"),
    job("d"),
  ];
  jobs[0]!.status!.completionTime = "2026-03-01T00:03:00Z";
  const active = ["a", "d", "gone"].map((name) => ({ name, uid: `uid-${name}` }));
  const { status, events, remove } = plan(
    "03-01T00:04:00",
    { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 },
    { active },
    ...jobs,
  );
  t.same(
    status.active?.map(({ name }) => name),
    ["d"],
  );
  t.equal(status.lastSuccessfulTime, "2026-03-01T00:03:00Z");
  t.same(
    events.map(({ reason }) => reason),
    ["SawCompletedJob", "MissingJob"],
  );
  t.same(
    remove.map(({ metadata }) => metadata.name),
    ["b", "c"],
    "the oldest that succeeded, every one that failed",
  );
});

t.test("schedules", async (t) => {
  const of = (text: string, zone?: string) => new CronSchedule(text, zone);
  t.equal(iso(of("30 2 * * *", "Europe/Paris").after(at("07-01T00:00:00"))), "07-01T00:30");
  t.equal(iso(of("30 2 * * *", "Europe/Paris").after(at("01-15T00:00:00"))), "01-15T01:30");
  t.equal(iso(of("0 0 13 * 5", "UTC").after(at("01-03T00:00:00"))), "01-09T00:00", "either day is enough");
  t.equal(iso(of("@hourly", "UTC").before(at("01-03T05:00:00"))), "01-03T05:00", "now is not too late");
  t.equal(iso(of("@hourly", "UTC").before(at("01-03T04:59:59"))), "01-03T04:00");
  for (const text of ["* * * *", "* * * * * *", "60 * * * *", "@every 1h", "0 0 L * *", "0 0 * * 5#2", "x * * * *"])
    t.throws(() => of(text), text);
  for (const zone of ["Europe/Paris", "UTC", "Etc/UTC"]) t.ok(isTimeZone(zone), zone);
  for (const zone of ["", "Moon/Crater", "+01:00", "../etc/passwd"]) t.notOk(isTimeZone(zone), zone);
});
