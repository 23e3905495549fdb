/** What is left of a container: exit codes, phases, counts, last words; and Pods that a node refuses. */
import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";
import { container, lastWords, nodeConformance, nodeTest, PodWatch, sh, stateOf, WAIT } from "./pod-watch.js";

t.jobs = 20;
const session = await openLab(t);
const ns = await session.namespace(t, "pod-ends");
const watch = await PodWatch.open(t, ns);
const once = { restartPolicy: "Never" };
const fallback = { terminationMessagePolicy: "FallbackToLogsOnError" };
const onNode1 = { nodeName: "node-1" };

const counted = {
  ...sh(`echo >> /v/runs; case $(wc -l < /v/runs) in 1) exit 1;; 2) exit 0;; esac; ${WAIT}`),
  volumeMounts: [{ name: "v", mountPath: "/v" }],
};
const volumes = [{ name: "v", emptyDir: {} }];
/** restartPolicy → where it ends. */
const ends = {
  Always: { phase: "Running", restarts: 2, ready: true, state: "running" },
  OnFailure: { phase: "Succeeded", restarts: 1, ready: false, state: "terminated" },
  Never: { phase: "Failed", restarts: 0, ready: false, state: "terminated" },
} as const;

const words: { title: string; upstream: string; container: object; phase: string; says: string }[] = [
  {
    title: "in a file of its own, by a user who is not root",
    upstream: "report termination message if TerminationMessagePath is set as non-root user and at a non-default path",
    container: {
      ...sh("printf DONE > /dev/termination-custom-log"),
      terminationMessagePath: "/dev/termination-custom-log",
      securityContext: { runAsUser: 10000 },
    },
    phase: "Succeeded",
    says: "DONE",
  },
  {
    title: "from the log of one that failed",
    upstream: "report termination message from log output if TerminationMessagePolicy FallbackToLogsOnError is set",
    container: { ...sh("printf DONE; false"), ...fallback },
    phase: "Failed",
    says: "DONE",
  },
  {
    title: "none from the log of one that succeeded",
    upstream:
      "report termination message as empty when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set",
    container: { ...sh("printf DONE"), ...fallback },
    phase: "Succeeded",
    says: "",
  },
  {
    title: "from the file where there is one",
    upstream:
      "report termination message from file when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set",
    container: { ...sh("printf OK > /dev/termination-log; printf DONE"), ...fallback },
    phase: "Succeeded",
    says: "OK",
  },
];

await watch.createAll([
  ...Object.keys(ends).map((restartPolicy) =>
    pod(`ends-${restartPolicy.toLowerCase()}`, counted, { volumes, restartPolicy }),
  ),
  ...words.map(({ container }, i) => pod(`words-${i}`, container, once)),
  pod("hello", sh("echo 'Hello World'; sleep 600"), { terminationGracePeriodSeconds: 0 }),
  pod("too-much", { ...sh(WAIT), resources: { requests: { cpu: "1000" } } }, onNode1),
  pod("unsafe", sh(WAIT), { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "65536" }] } }),
  pod("windows", sh(WAIT), { ...onNode1, os: { name: "windows" } }),
]);

t.test("last words", async (t) => {
  for (const [i, { title, upstream, phase, says }] of words.entries()) {
    await t.test(title, async (t) => {
      proves(t, nodeConformance(`Container Runtime blackbox test on terminated container should ${upstream}`));
      const done = await watch.ended(`words-${i}`);
      t.equal(done.status?.phase, phase);
      t.equal(lastWords(done), says);
    });
  }
});

t.test("what is printed is in the log", async (t) => {
  proves(t, nodeConformance("Kubelet when scheduling a busybox command in a pod should print the output to logs"));
  await watch.ready("hello");
  await until("the log", async () => (await watch.log("hello")) === "Hello World\n");
  t.pass();
});

t.test("a node refuses what it cannot run, by name", async (t) => {
  const [much, unsafe, windows] = await Promise.all(["too-much", "unsafe", "windows"].map((name) => watch.ended(name)));
  t.match(much?.status, {
    phase: "Failed",
    reason: "OutOfcpu",
    message: /^Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: \d+, capacity: \d+$/,
  });
  t.match(unsafe?.status, { phase: "Failed", reason: "SysctlForbidden", message: /"kernel.msgmax" not allowlisted/ });
  t.match(windows?.status, { phase: "Failed", reason: "PodOSNotSupported" });
});

t.test("sysctls that cannot be", async (t) => {
  proves(t, "[sig-node] Sysctls [LinuxOnly] [NodeConformance] should reject invalid sysctls [Conformance]");
  const sysctls = ["foo-", "kernel.shmmax", "safe-and-unsafe", "bar.."].map((name) => ({ name, value: "1" }));
  const refused = watch.create(pod("bad-sysctls", sh(WAIT), { securityContext: { sysctls } }));
  const { message } = await refused.then(
    () => ({ message: "" }),
    (error: Error) => error,
  );
  t.match(message, 'spec.securityContext.sysctls[0].name: Invalid value: "foo-"');
  t.match(message, 'spec.securityContext.sysctls[3].name: Invalid value: "bar.."');
  t.notMatch(message, /safe-and-unsafe|kernel\.shmmax/);
});

t.test("quality of service", async (t) => {
  proves(
    t,
    nodeTest(
      "Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu",
    ),
  );
  const resources = { cpu: "100m", memory: "100Mi" };
  const made = await watch.create(
    pod("guaranteed", { ...sh(WAIT), resources: { limits: resources, requests: resources } }),
  );
  t.equal(made.status?.qosClass, "Guaranteed");
});

t.test("codes, counts and phases by restart policy", async (t) => {
  proves(
    t,
    nodeConformance(
      "Container Runtime blackbox test when starting a container that exits should run with the expected status",
    ),
  );
  for (const [policy, wanted] of Object.entries(ends)) {
    const is = (found: Pod) =>
      found.status?.phase === wanted.phase &&
      container(found)?.restartCount === wanted.restarts &&
      container(found)?.ready === wanted.ready &&
      stateOf(found)[wanted.state];
    t.ok(await watch.until(`ends-${policy.toLowerCase()}`, JSON.stringify(wanted), is), policy);
  }
});
