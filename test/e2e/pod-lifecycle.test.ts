/** How Pods begin and end: hooks, init containers and sidecars, exit reasons, last words, restarts. */
import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";
import { condition, container, nodeConformance, PodWatch, sh, stateOf, WAIT } from "./pod-watch.js";

t.jobs = 20;
const session = await openLab(t);
const ns = await session.namespace(t, "pod-lifecycle");
const watch = await PodWatch.open(t, ns);

/** What happened, in order, as a server of the namespace heard of it. */
await watch.create(pod("witness", { image: "nginx:latest" }));
const witness = (await watch.ready("witness")).status?.podIP ?? "";
/** No -T: Debian's busybox crashes on it. */
const tell = (what: string) => `timeout 20 wget -q -O - http://${witness}/${what}; true`;
const heard = async () =>
  [...(await watch.log("witness")).matchAll(/GET \/([\w-]+) HTTP\/1\.\d" \d/g)].map(([, what = ""]) => what);
const hears = (what: string) => until(`the witness hears ${what}`, async () => (await heard()).includes(what));

const once = { restartPolicy: "Never" };
const busybox = (name: string, more: object) => ({
  name,
  image: "busybox:latest",
  imagePullPolicy: "IfNotPresent",
  ...more,
});
const httpGet = (what: string) => ({ httpGet: { host: witness, port: 80, path: `/${what}` } });
const exec = (script: string) => ({ exec: sh(script) });
/** The grace is an upper limit, for a hook on a machine that is busy: it is no longer waited for than the hook takes. */
const patient = { terminationGracePeriodSeconds: 30 };
const hooked = (name: string, lifecycle: object) => pod(name, { ...sh(WAIT), lifecycle }, patient);
const telling = (name: string) =>
  // It can be told to end as soon as its first word is heard.
  sh(`trap "${tell(`stop-${name}`)}; exit 0" TERM; ${tell(`start-${name}`)}; while :; do sleep 0.1; done`);
const sidecar = (name: string) =>
  busybox(name, {
    ...telling(name),
    restartPolicy: "Always",
    startupProbe: { exec: { command: ["true"] }, initialDelaySeconds: 1, periodSeconds: 1, timeoutSeconds: 10 },
  });
const share = { volumes: [{ name: "v", emptyDir: {} }] };
const mount = { volumeMounts: [{ name: "v", mountPath: "/v" }] };

await watch.createAll([
  hooked("poststart-exec", { postStart: exec(tell("poststart-exec")) }),
  hooked("poststart-http", { postStart: httpGet("poststart-http") }),
  hooked("prestop-exec", { preStop: exec(tell("prestop-exec")) }),
  hooked("prestop-http", { preStop: httpGet("prestop-http") }),
  hooked("poststart-fails", { postStart: exec("exit 1") }),
  pod("ordered", { ...telling("main") }, { ...patient, initContainers: [sidecar("one"), sidecar("two")] }),
  pod("helped", sh("sleep 1"), { ...patient, ...once, initContainers: [sidecar("helper")] }),
  pod(
    "gated",
    {},
    {
      ...share,
      ...once,
      containers: [
        busybox("first", {
          ...sh("until [ -e /v/prepared ]; do sleep 0.1; done"),
          ...mount,
          lifecycle: { postStart: exec("sleep 2; touch /v/prepared") },
        }),
        busybox("second", { ...sh("test -e /v/prepared"), ...mount }),
      ],
    },
  ),
  pod(
    "rules",
    {
      ...sh("echo >> /v/runs; [ $(wc -l < /v/runs) -gt 1 ] || exit 42"),
      ...mount,
      restartPolicy: "Never",
      restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
    },
    { ...share, ...once },
  ),
  pod("deadline", sh(WAIT)),
  pod("fails", sh("exit 1")),
  pod("oom", { ...sh("tail /dev/zero"), resources: { limits: { memory: "16Mi" } } }, once),
  pod("gates", sh(WAIT), { readinessGates: [{ conditionType: "example.com/gate" }] }),
  pod("init-always", sh(WAIT), { initContainers: [busybox("one", sh("true")), busybox("two", sh("true"))] }),
  pod("init-fails", sh(WAIT), { initContainers: [busybox("one", sh("false")), busybox("two", sh("true"))] }),
]);

for (const [what, how] of Object.entries({ exec: "exec", http: "http" })) {
  t.test(`postStart and preStop: ${what}`, async (t) => {
    const name = (hook: string) =>
      nodeConformance(
        `Container Lifecycle Hook when create a pod with lifecycle hook should execute ${hook} ${how} hook properly`,
      );
    proves(t, name("poststart"), name("prestop"));
    if (how === "exec") proves(t, "[sig-node] PreStop should call prestop when killing a pod [Conformance]");
    await Promise.all([watch.ready(`poststart-${how}`), watch.ready(`prestop-${how}`)]);
    await hears(`poststart-${how}`);
    t.notOk((await heard()).includes(`prestop-${how}`));
    await watch.remove(`prestop-${how}`);
    await hears(`prestop-${how}`);
  });
}

t.test("a postStart hook that fails kills the container", async (t) => {
  const found = await watch.until("poststart-fails", "restarted", (p) => (container(p)?.restartCount ?? 0) > 0);
  await until("its Event", async () =>
    (await watch.events("poststart-fails")).some((e) => /^FailedPostStartHook: /.test(e)),
  );
  t.not(container(found)?.ready, true);
});

t.test("the next container starts when the hook before it is through", async (t) => {
  const done = await watch.ended("gated");
  t.equal(done.status?.phase, "Succeeded", JSON.stringify(done.status?.containerStatuses));
});

t.test("sidecars start in order before the others, and stop in the opposite order after them", async (t) => {
  await watch.ready("ordered");
  await watch.remove("ordered");
  const order = (await heard()).filter((what) => /-(one|two|main)$/.test(what));
  t.same(order, ["start-one", "start-two", "start-main", "stop-main", "stop-two", "stop-one"]);
});

t.test("a sidecar does not keep a Pod, which ends when it has stopped", async (t) => {
  const done = await watch.ended("helped");
  t.equal(done.status?.phase, "Succeeded");
  t.ok(stateOf(done, "helper").terminated);
  t.ok((await heard()).includes("stop-helper"));
});

t.test("a container's own restart policy and rules", async (t) => {
  const done = await watch.ended("rules");
  t.equal(done.status?.phase, "Succeeded", JSON.stringify(done.status?.containerStatuses));
  t.equal(container(done)?.restartCount, 1);
});

t.test("init containers before a Pod that restarts", async (t) => {
  proves(
    t,
    "[sig-node] InitContainer [NodeConformance] should invoke init containers on a RestartAlways pod [Conformance]",
  );
  const ready = await watch.ready("init-always");
  t.equal(condition(ready, "Initialized")?.status, "True");
  for (const name of ["one", "two"])
    t.match(stateOf(ready, name), { terminated: { exitCode: 0, reason: "Completed" } });
});

t.test("a deadline that is set later, and then comes", async (t) => {
  proves(t, nodeConformance("Pods should allow activeDeadlineSeconds to be updated"));
  await watch.ready("deadline");
  await watch.patch("deadline", { spec: { activeDeadlineSeconds: 5 } });
  const done = await watch.ended("deadline");
  t.match(done.status, { phase: "Failed", reason: "DeadlineExceeded" });
  t.ok(stateOf(done).terminated, "nothing runs when the end is said");
});

t.test("memory that runs out", async (t) => {
  // The engine may tell of the end first and of its reason a moment later.
  const told = await watch.until("oom", "its reason", (p) => stateOf(p).terminated?.reason === "OOMKilled");
  t.equal(stateOf(told).terminated?.exitCode, 137);
});

t.test("readiness gates", async (t) => {
  await watch.until("gates", "containers ready", (p) => condition(p, "ContainersReady")?.status === "True");
  t.match(condition(watch.history("gates").at(-1) as Pod, "Ready"), {
    status: "False",
    reason: "ReadinessGatesNotReady",
  });
  await watch.patch("gates", { status: { conditions: [{ type: "example.com/gate", status: "True" }] } }, "status");
  await watch.ready("gates");
});

t.test("a command that always fails", async (t) => {
  const name = (what: string) =>
    nodeConformance(`Kubelet when scheduling a busybox command that always fails in a pod should ${what}`);
  proves(t, name("have an terminated reason"), name("be possible to delete"));
  const found = await watch.until(
    "fails",
    "ended",
    (p) => stateOf(p).terminated ?? container(p)?.lastState?.terminated,
  );
  t.match(stateOf(found).terminated ?? container(found)?.lastState?.terminated, { reason: "Error", exitCode: 1 });
  await watch.remove("fails");
});

t.test("init containers that fail hold the others back", async (t) => {
  proves(
    t,
    "[sig-node] InitContainer [NodeConformance] should not start app containers if init containers fail on a RestartAlways pod [Conformance]",
  );
  const found = await watch.until("init-fails", "tried again", (p) => (container(p, "one")?.restartCount ?? 0) >= 2);
  t.equal(found.status?.phase, "Pending");
  t.match(condition(found, "Initialized"), {
    status: "False",
    message: "containers with incomplete status: [one two]",
  });
  t.match(stateOf(found), { waiting: { reason: "PodInitializing" } });
  t.ok(watch.history("init-fails").every((p) => !stateOf(p).running && !stateOf(p, "two").running));
});
