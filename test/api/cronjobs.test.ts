/** CronJobs, by a clock whose minutes take a second. Their Jobs run until the test says that they have ended: there is no node. */
import t, { type Test } from "tap";
import type { CronJob, CronJobSpec, Job } from "#api/generated/types.js";
import { cronJobs, jobs } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { eventually, fastClock, find, startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const namespace = "default";
t.jobs = 3;
const CRON = "[sig-apps] CronJob";
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;

const open = async (t: Test): Promise<Client> => (await startControlPlane(t, [], undefined, fastClock(60))).client;

const jobTemplate = {
  spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "work:1" }] } } },
};
const create = (client: Client, spec: Partial<CronJobSpec> = {}): Promise<CronJob> =>
  client.create(cronJobs, {
    metadata: { name: "tick", namespace },
    spec: { schedule: "* * * * *", jobTemplate, ...spec },
  });
const list = async (client: Client) => (await client.list<Job>(jobs, { namespace })).items;
const read = (client: Client) => client.get(cronJobs, "tick", namespace);
const change = (client: Client, spec: object) => client.patch(cronJobs, "tick", merge({ spec }), { namespace });
const made = (client: Client, count: number) =>
  eventually(
    `${count} Jobs`,
    () => list(client),
    ({ length }) => length === count,
  );
const active = (client: Client, count: number) =>
  eventually(
    `${count} active`,
    () => read(client),
    ({ status }) => (status?.active?.length ?? 0) === count,
  );

/** Long enough for the next minute, and the one after. */
const someMinutes = () => new Promise((resolve) => setTimeout(resolve, 2_500));

async function complete(client: Client, { metadata }: Job, type: "Complete" | "Failed" = "Complete"): Promise<void> {
  const time = new Date().toISOString();
  const condition = { type, status: "True", lastTransitionTime: time };
  const status = { conditions: [condition], ...(type === "Complete" ? { completionTime: time } : {}) };
  await client.patch(jobs, metadata.name, merge({ status }), { namespace, subresource: "status" });
}

t.test("one Job after the other, at once", async (t) => {
  proves(t, `${CRON} should schedule multiple jobs concurrently [Conformance]`);
  const client = await open(t);
  await create(client);
  const { status } = await active(client, 2);
  const two = await list(client);
  t.match(two[0], {
    metadata: {
      name: /^tick-\d{8}$/,
      annotations: { "batch.kubernetes.io/cronjob-scheduled-timestamp": /:00Z$/ },
      ownerReferences: [{ kind: "CronJob", name: "tick", controller: true }],
    },
  });
  t.match(status?.lastScheduleTime, /:00Z$/);
  await change(client, { suspend: true });
  await complete(client, two[0]!);
  const { status: after } = await eventually(
    "seen",
    () => read(client),
    (found) => found.status?.lastSuccessfulTime !== undefined,
  );
  t.ok((after?.active?.length ?? 0) < (await list(client)).length);
});

t.test("none while it is suspended", async (t) => {
  proves(t, `${CRON} should not schedule jobs when suspended [Slow] [Conformance]`);
  const client = await open(t);
  await create(client, { suspend: true });
  await someMinutes();
  t.same(await list(client), []);
  t.equal((await read(client)).status?.active, undefined);
});

t.test("Forbid: none beside one that runs", async (t) => {
  proves(t, `${CRON} should not schedule new jobs when ForbidConcurrent [Slow] [Conformance]`);
  const client = await open(t);
  await create(client, { concurrencyPolicy: "Forbid" });
  const [first] = (await made(client, 1)) as [Job];
  await someMinutes();
  t.same(
    (await list(client)).map(({ metadata }) => metadata.uid),
    [first.metadata.uid],
  );
  await complete(client, first);
  await active(client, 1);
});

t.test("Replace: the one that runs goes", async (t) => {
  proves(t, `${CRON} should replace jobs when ReplaceConcurrent [Conformance]`);
  const client = await open(t);
  await create(client, { concurrencyPolicy: "Replace" });
  const [first] = (await made(client, 1)) as [Job];
  await eventually(
    "replaced",
    () => find(client, jobs, first.metadata.name, namespace),
    (job) => job === undefined,
  );
  await active(client, 1);
});

t.test("keeps so many that are over", async (t) => {
  const client = await open(t);
  await create(client, { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 });
  const [first, second] = (await made(client, 2)) as [Job, Job];
  await change(client, { suspend: true });
  await complete(client, first);
  await complete(client, second, "Failed");
  const failed = () => find(client, jobs, second.metadata.name, namespace);
  await eventually("no failed one", failed, (job) => job === undefined);
  t.ok(await find(client, jobs, first.metadata.name, namespace));
});

t.test("its API", async (t) => {
  proves(t, `${CRON} should support CronJob API operations [Conformance]`);
  const client = await open(t);
  const created = await create(client, { schedule: "0 0 1 1 *", timeZone: "Europe/Paris" });
  t.match(created.spec, {
    concurrencyPolicy: "Allow",
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
  });
  const label = merge({ metadata: { labels: { e2e: "listed" }, annotations: { patched: "true" } } });
  await client.patch(cronJobs, "tick", label, { namespace });
  const { items } = await client.list<CronJob>(cronJobs, { labelSelector: "e2e=listed" });
  t.match(items, [{ metadata: { name: "tick", annotations: { patched: "true" } } }]);
  const lastScheduleTime = "2026-01-01T00:00:00Z";
  const status = { subresource: "status", namespace };
  const patched = await client.patch(cronJobs, "tick", merge({ status: { lastScheduleTime } }), status);
  t.equal(patched.status?.lastScheduleTime, lastScheduleTime);
  const updated = await client.update(cronJobs, { ...patched, spec: { ...patched.spec!, schedule: "0 0 2 1 *" } });
  t.equal(updated.spec?.schedule, "0 0 2 1 *");
  await client.deleteCollection(cronJobs, { namespace, labelSelector: "e2e=listed" });
  t.equal(await find(client, cronJobs, "tick", namespace), undefined);

  const refused = (spec: object, message: RegExp) => t.rejects(create(client, spec as never), { code: 422, message });
  await refused({ schedule: "" }, /schedule: Required value/);
  await refused({ schedule: "61 * * * *" }, /schedule: Invalid value: "61 \* \* \* \*"/);
  await refused({ schedule: "* * L * *" }, /schedule: Invalid value/);
  await refused({ schedule: "TZ=UTC * * * * *" }, /cannot use TZ or CRON_TZ in schedule/);
  await refused({ timeZone: "Moon/Crater" }, /timeZone: Invalid value: "Moon\/Crater": unknown time zone Moon\/Crater/);
  await refused({ concurrencyPolicy: "Maybe" }, /concurrencyPolicy: Unsupported value/);
  await refused(
    { jobTemplate: { spec: { template: { spec: { containers: [{ name: "c", image: "a" }] } } } } },
    /valid values: "OnFailure", "Never"/,
  );
});
