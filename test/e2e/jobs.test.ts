/** Jobs of real Pods, through kubectl; what they make of ends of every kind is test/api/jobs.test.ts. */
import t from "tap";
import type { CronJob, Job, Pod } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { openLab, until } from "./lab-session.js";

const session = await openLab(t);
const ns = await session.namespace(t, "jobs");

const job = (name: string, script: string, spec: object, pod: object = {}) => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name },
  spec: {
    ...spec,
    template: {
      spec: {
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 1,
        containers: [
          { name: "c", image: "busybox:latest", imagePullPolicy: "IfNotPresent", command: ["sh", "-c", script] },
        ],
        ...pod,
      },
    },
  },
});
const over = (name: string, condition = "complete") =>
  ns.kubectl(["wait", `job/${name}`, `--for=condition=${condition}`, "--timeout=120s"]);
const podsOf = (name: string) => ns.list<Pod>("pods", { labelSelector: `job-name=${name}` });

t.test("each index in a Pod of its name", async (t) => {
  proves(
    t,
    "[sig-apps] Job should create pods for an Indexed job with completion indexes and specified hostname [Conformance]",
  );
  const script = "echo $(hostname) $JOB_COMPLETION_INDEX";
  await ns.apply(job("indexed", script, { completionMode: "Indexed", completions: 4, parallelism: 2 }));
  await over("indexed");
  const { status } = await ns.get<Job>("job", "indexed");
  t.match(status, { completedIndexes: "0-3", succeeded: 4 });
  const said: Record<string, string> = {};
  for (const { metadata } of await podsOf("indexed")) {
    const index = metadata.annotations?.["batch.kubernetes.io/job-completion-index"] ?? "";
    t.match(metadata.name, new RegExp(`^indexed-${index}-\\w{5}$`));
    t.equal(metadata.labels?.["batch.kubernetes.io/job-completion-index"], index);
    said[index] = (await ns.kubectl(["logs", metadata.name])).trim();
  }
  t.same(said, { 0: "indexed-0 0", 1: "indexed-1 1", 2: "indexed-2 2", 3: "indexed-3 3" });
});

t.test("tasks that fail once and are restarted where they are", async (t) => {
  proves(
    t,
    "[sig-apps] Job should run a job to completion when tasks sometimes fail and are locally restarted [Conformance]",
  );
  const script = "test -e /work/tried && exit 0; touch /work/tried; exit 1";
  const volumes = [{ name: "work", emptyDir: {} }];
  const made = job("restarted", script, { completions: 2, parallelism: 2 }, { restartPolicy: "OnFailure", volumes });
  Object.assign(made.spec.template.spec.containers[0]!, { volumeMounts: [{ name: "work", mountPath: "/work" }] });
  await ns.apply(made);
  await over("restarted");
  const pods = await podsOf("restarted");
  t.same(
    pods.map(({ status }) => status?.containerStatuses?.[0]?.restartCount),
    [1, 1],
  );
  const { status } = await ns.get<Job>("job", "restarted");
  t.same([status?.succeeded, status?.failed], [2, undefined]);
});

t.test("one that is late is ended, with all of it", async (t) => {
  await ns.apply(
    job("late", "trap 'exit 0' TERM; sleep 300 & wait", { parallelism: 2, completions: 2, activeDeadlineSeconds: 2 }),
  );
  await over("late", "failed");
  const { status } = await ns.get<Job>("job", "late");
  t.match(
    status?.conditions?.find(({ type }) => type === "Failed"),
    { reason: "DeadlineExceeded" },
  );
  await until("its Pods gone", async () => (await podsOf("late")).length === 0);
});

t.test("kubectl's commands", async (t) => {
  await ns.kubectl(["create", "job", "hello", "--image=busybox:latest", "--", "echo", "hello"]);
  await over("hello");
  t.equal(await ns.kubectl(["logs", "job/hello"]), "hello\n");
  t.match(await ns.kubectl(["get", "job", "hello", "--no-headers"]), /^hello +Complete +1\/1 /);
  await ns.kubectl([
    "create",
    "cronjob",
    "yearly",
    "--image=busybox:latest",
    "--schedule=0 0 1 1 *",
    "--",
    "echo",
    "happy",
  ]);
  await ns.kubectl(["create", "job", "now", "--from=cronjob/yearly"]);
  await over("now");
  t.equal(await ns.kubectl(["logs", "job/now"]), "happy\n");
  t.match(
    await ns.kubectl(["get", "cronjob", "yearly", "--no-headers"]),
    /^yearly +0 0 1 1 \* +<none> +False +0 +<none> /,
  );
  await until("it was told of", async () => {
    const { status } = await ns.get<CronJob>("cronjob", "yearly");
    return status?.lastSuccessfulTime !== undefined;
  });
  await ns.kubectl(["delete", "cronjob/yearly", "job/hello"]);
  await until("all of it is gone", async () => (await podsOf("now")).length + (await podsOf("hello")).length === 0);
});
