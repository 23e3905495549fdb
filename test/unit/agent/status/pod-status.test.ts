import t from "tap";
import { type PodFacts, podStatus } from "#agent/status/pod-status.js";
import type { Pod, PodStatus } from "#api/generated/types.js";
import { containerOf, endedOf, NOW, podOf, sandboxOf, stateOf, viewOf } from "#test/fixtures/pod-objects.js";

function statusOf(pod: Pod, view: PodFacts["view"], more: Partial<PodFacts> = {}): PodStatus {
  return podStatus({
    pod,
    view,
    waiting: new Map(),
    messages: new Map(),
    isReady: () => true,
    isStarted: () => true,
    isInPostStart: () => false,
    resize: {},
    imageDigest: () => undefined,
    podIPs: ["10.244.0.5"],
    hostIPs: ["192.0.2.1"],
    readyToStart: true,
    startTime: NOW,
    last: false,
    now: NOW,
    ...more,
  });
}

const condition = (status: PodStatus, type: string) => status.conditions?.find((c) => c.type === type);

t.test("taken on, nothing runs yet", async (t) => {
  const status = statusOf(podOf(), viewOf([]), { podIPs: [], readyToStart: false });
  t.match(status, {
    phase: "Pending",
    hostIP: "192.0.2.1",
    startTime: "2026-01-01T00:00:00Z",
    qosClass: "BestEffort",
    containerStatuses: [
      { name: "main", image: "busybox:1", imageID: "", restartCount: 0, ready: false, started: false },
    ],
  });
  t.same(status.containerStatuses?.[0]?.state, { waiting: { reason: "ContainerCreating" } });
  t.equal("podIP" in status, false);
  t.equal(condition(status, "PodReadyToStartContainers")?.status, "False");
  t.match(condition(status, "Ready"), {
    status: "False",
    reason: "ContainersNotReady",
    message: "containers with unready status: [main]",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  });
});

t.test("running and ready", async (t) => {
  const status = statusOf(podOf(), viewOf([sandboxOf()], stateOf("main")), { imageDigest: () => "busybox@sha256:2" });
  t.match(status, {
    phase: "Running",
    podIP: "10.244.0.5",
    podIPs: [{ ip: "10.244.0.5" }],
    containerStatuses: [
      {
        ready: true,
        started: true,
        containerID: "docker://main-0",
        imageID: "docker-pullable://busybox@sha256:2",
        state: { running: { startedAt: "2025-12-31T23:59:59Z" } },
      },
    ],
  });
  t.ok(status.conditions?.every((c) => c.status === "True"));
  const again = statusOf(podOf(), viewOf([sandboxOf()], stateOf("main")), { previous: status });
  t.equal(again.containerStatuses?.[0]?.imageID, "docker-pullable://busybox@sha256:2", "after a restart of the agent");
  const other = statusOf(podOf(), viewOf([sandboxOf()], stateOf("main", { attempt: 1 })), { previous: status });
  t.equal(other.containerStatuses?.[0]?.imageID, "docker://sha256:1", "of another container nothing is known");
});

t.test("init containers hold the Pod", async (t) => {
  const pod = podOf({ initContainers: [containerOf("one"), containerOf("two")] });
  const status = statusOf(pod, viewOf([sandboxOf()], endedOf("one", 0)));
  t.equal(status.phase, "Pending");
  t.match(status.initContainerStatuses, [{ ready: true }, { state: { waiting: { reason: "PodInitializing" } } }]);
  t.match(status.containerStatuses, [{ state: { waiting: { reason: "PodInitializing" } } }]);
  t.match(condition(status, "Initialized"), {
    status: "False",
    reason: "ContainersNotInitialized",
    message: "containers with incomplete status: [two]",
  });
  const never = podOf({ ...pod.spec, restartPolicy: "Never" });
  t.equal(statusOf(never, viewOf([sandboxOf()], endedOf("one", 1))).phase, "Failed");
});

t.test("phases of Pods that end", async (t) => {
  const phase = (restartPolicy: string, exitCode: number, more = {}) =>
    statusOf(podOf({ restartPolicy }), viewOf([sandboxOf()], endedOf("main", exitCode)), more).phase;
  t.equal(phase("Never", 0), "Succeeded");
  t.equal(phase("Never", 1), "Failed");
  t.equal(phase("OnFailure", 0), "Succeeded");
  t.equal(phase("OnFailure", 1), "Running");
  t.equal(phase("Always", 1), "Running");
  t.equal(phase("Always", 143, { last: true }), "Failed", "deleted: its last status is final");
  t.equal(phase("Always", 0, { last: true }), "Succeeded");
});

t.test("between two runs: waiting, with the last end", async (t) => {
  const waiting = new Map([["main", { reason: "CrashLoopBackOff", message: "back-off 10s restarting" }]]);
  const messages = new Map([["main-1", "words"]]);
  const view = viewOf([sandboxOf()], endedOf("main", 42, { attempt: 1 }), endedOf("main", 1));
  const status = statusOf(podOf(), view, { waiting, messages });
  t.equal(status.phase, "Running");
  t.match(status.containerStatuses?.[0], {
    restartCount: 1,
    ready: false,
    state: { waiting: { reason: "CrashLoopBackOff" } },
    lastState: { terminated: { exitCode: 42, reason: "Error", message: "words", containerID: "docker://main-1" } },
  });
});

t.test("ends have reasons", async (t) => {
  const reason = (more: object) =>
    statusOf(podOf({ restartPolicy: "Never" }), viewOf([sandboxOf()], endedOf("main", 137, more)))
      .containerStatuses?.[0]?.state?.terminated?.reason;
  t.equal(reason({ oomKilled: true }), "OOMKilled");
  t.equal(reason({}), "Error");
  t.equal(reason({ exitCode: 0 }), "Completed");
  t.equal(reason({ state: "created", exitCode: 127, error: "no such file" }), "ContainerCannotRun");
});

t.test("transition times move only with the condition", async (t) => {
  const view = viewOf([sandboxOf()], stateOf("main"));
  const before = statusOf(podOf(), view, { isReady: () => false });
  const later = statusOf(podOf(), view, { previous: before, now: NOW + 5000 });
  t.equal(condition(later, "Initialized")?.lastTransitionTime, "2026-01-01T00:00:00Z");
  t.equal(condition(later, "Ready")?.lastTransitionTime, "2026-01-01T00:00:05Z");
});

t.test("what the engine lost is remembered", async (t) => {
  const previous = statusOf(podOf({ restartPolicy: "Never" }), viewOf([sandboxOf()], endedOf("main", 0)));
  const status = statusOf(podOf({ restartPolicy: "Never" }), viewOf([]), { previous, podIPs: [] });
  t.equal(status.phase, "Succeeded");
  t.same(status.containerStatuses?.[0]?.state, previous.containerStatuses?.[0]?.state);
  t.equal(status.podIP, "10.244.0.5");
});

t.test("readiness gates", async (t) => {
  const pod = podOf({ readinessGates: [{ conditionType: "x/y" }] });
  const view = viewOf([sandboxOf()], stateOf("main"));
  t.match(condition(statusOf(pod, view), "Ready"), { status: "False", reason: "ReadinessGatesNotReady" });
  const previous = { conditions: [{ type: "x/y", status: "True" }] };
  t.equal(condition(statusOf(pod, view, { previous }), "Ready")?.status, "True");
});
