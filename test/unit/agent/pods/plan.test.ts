import t from "tap";
import { leftovers, type PlanInput, plan } from "#agent/pods/plan.js";
import type { PodView } from "#agent/pods/pod-view.js";
import { DEFAULT_RESTART_BACKOFF, RESTART_DELAY_LABEL } from "#agent/pods/restart-backoff.js";
import type { Pod } from "#api/generated/types.js";
import { containerOf, endedOf, NOW, podOf, sandboxOf, stateOf, viewOf } from "#test/fixtures/pod-objects.js";

function planFor(pod: Pod, view: PodView, more: Partial<PlanInput> = {}) {
  const input = {
    pod,
    view,
    now: NOW,
    backoff: DEFAULT_RESTART_BACKOFF,
    condemned: new Map(),
    isStarted: () => true,
    isInPostStart: () => false,
  };
  return plan({ ...input, ...more });
}

const starts = (result: ReturnType<typeof plan>) => result.start.map((s) => `${s.container.name}/${s.attempt}`);

t.test("a new Pod: sandbox, then every container", async (t) => {
  const pod = podOf({ containers: [containerOf("a"), containerOf("b")] });
  const result = planFor(pod, viewOf([]));
  t.equal(result.newSandboxAttempt, 0);
  t.same(starts(result), ["a/0", "b/0"]);
  t.equal(result.finished, false);
});

t.test("nothing to do for what runs", async (t) => {
  const result = planFor(podOf(), viewOf([sandboxOf()], stateOf("main")));
  t.match(result, { newSandboxAttempt: undefined, start: [], kill: [], finished: false });
});

t.test("a kill of the agent between create and start: the container is only started", async (t) => {
  const created = stateOf("main", { state: "created", startedAt: 0 });
  const [start] = planFor(podOf(), viewOf([sandboxOf()], created)).start;
  t.match(start, { attempt: 0, createdId: "main-0", restartDelay: undefined });
});

t.test(
  "created for a sandbox or an image of the past: made anew as the same attempt, nothing is waited for",
  async (t) => {
    const created = stateOf("main", {
      state: "created",
      startedAt: 0,
      attempt: 2,
      labels: { [RESTART_DELAY_LABEL]: "0" },
    });
    const anew = { attempt: 2, createdId: undefined, restartDelay: 0 };
    const afterSandbox = planFor(podOf(), viewOf([sandboxOf(0, false)], created));
    t.match(afterSandbox, { newSandboxAttempt: 1, kill: [], start: [anew] });
    const failed = { ...created, error: "cannot join network of a non running container", exitCode: 128 };
    t.match(planFor(podOf(), viewOf([sandboxOf(0, false)], failed)), { newSandboxAttempt: 1, start: [anew] });
    t.equal(planFor(podOf(), viewOf([sandboxOf()], failed)).held.size, 1, "in its own sandbox it has failed");
    const [afterImage] = planFor(podOf(), viewOf([sandboxOf()], { ...created, imageRef: "busybox:0" })).start;
    t.match(afterImage, anew);
  },
);

t.test("what the engine calls running though it never began is killed", async (t) => {
  const { kill, start } = planFor(podOf(), viewOf([sandboxOf()], stateOf("main", { startedAt: 0 })));
  t.match(kill, [{ graceSeconds: 0, message: /never begun/ }]);
  t.same(start, []);
});

t.test("init containers one after the other", async (t) => {
  const pod = podOf({ initContainers: [containerOf("one"), containerOf("two")] });
  t.same(starts(planFor(pod, viewOf([]))), ["one/0"]);
  t.same(starts(planFor(pod, viewOf([sandboxOf()], stateOf("one")))), []);
  t.same(starts(planFor(pod, viewOf([sandboxOf()], endedOf("one", 0)))), ["two/0"]);
  t.same(starts(planFor(pod, viewOf([sandboxOf()], endedOf("one", 0), endedOf("two", 0)))), ["main/0"]);
  const failed = viewOf([sandboxOf()], endedOf("one", 1));
  t.same(starts(planFor(pod, failed)), ["one/1"], "tried again");
  t.equal(planFor(podOf({ ...pod.spec, restartPolicy: "Never" }), failed).finished, true, "or the end of the Pod");
  const running = viewOf([sandboxOf()], stateOf("main"));
  t.same(starts(planFor(pod, running)), [], "their containers may be gone once the Pod is initialized");
});

t.test("sidecars: the next waits until they have started, and they come back", async (t) => {
  const pod = podOf({ initContainers: [containerOf("proxy", { restartPolicy: "Always" })] });
  const view = viewOf([sandboxOf()], stateOf("proxy"));
  t.same(starts(planFor(pod, view, { isStarted: () => false })), []);
  t.same(starts(planFor(pod, view)), ["main/0"]);
  const crashed = viewOf([sandboxOf()], endedOf("proxy", 1), stateOf("main"));
  t.same(starts(planFor(pod, crashed)), ["proxy/1"]);
  const done = viewOf([sandboxOf()], stateOf("proxy"), endedOf("main", 0));
  const finished = planFor(podOf({ ...pod.spec, restartPolicy: "Never" }), done);
  t.equal(finished.finished, true, "they do not keep a Pod alive");
  t.same(
    finished.kill.map(({ container }) => container.name),
    ["proxy"],
  );
});

t.test("restart policy", async (t) => {
  const after = (restartPolicy: string, exitCode: number) =>
    planFor(podOf({ restartPolicy }), viewOf([sandboxOf()], endedOf("main", exitCode)));
  t.same(starts(after("Always", 0)), ["main/1"]);
  t.same(starts(after("OnFailure", 1)), ["main/1"]);
  t.equal(after("OnFailure", 0).finished, true);
  t.equal(after("Never", 1).finished, true);
});

t.test("back-off holds a restart until its time", async (t) => {
  const crashed = endedOf("main", 1, { attempt: 1, labels: { [RESTART_DELAY_LABEL]: "0" } });
  const view = viewOf([sandboxOf()], crashed);
  const held = planFor(podOf(), view, { now: NOW + 9_999 });
  t.same(starts(held), []);
  t.same(held.held.get("main"), { delay: 10_000, at: NOW + 10_000 });
  const [start] = planFor(podOf(), view, { now: NOW + 10_000 }).start;
  t.match(start, { attempt: 2, restartDelay: 10_000 });
});

t.test("a sandbox that has ended is made again, and the containers with it", async (t) => {
  const pod = podOf({ initContainers: [containerOf("one")] });
  const dying = planFor(pod, viewOf([sandboxOf(0, false)], endedOf("one", 0), stateOf("main")));
  t.equal(dying.newSandboxAttempt, 1);
  t.same(
    dying.kill.map(({ container }) => container.id),
    ["main-0"],
    "first what still runs ends",
  );
  t.same(starts(dying), []);
  const dead = viewOf([sandboxOf(0, false)], endedOf("one", 0), endedOf("main", 137));
  t.same(starts(planFor(pod, dead)), ["one/1"], "then it is initialized anew");
  const anew = { sandboxId: "sandbox-1", attempt: 1 };
  const again = viewOf(
    [sandboxOf(0, false), sandboxOf(1)],
    endedOf("one", 0),
    endedOf("one", 0, anew),
    endedOf("main", 137),
  );
  t.same(starts(planFor(pod, again)), ["main/1"]);
  t.same(leftovers(again).sandboxes, ["sandbox-0"]);
});

t.test("what is condemned, or no longer as specified, is killed", async (t) => {
  const view = viewOf([sandboxOf()], stateOf("main"));
  const condemned = new Map([["main-0", { message: "Container main failed liveness probe, will be restarted" }]]);
  t.match(planFor(podOf(), view, { condemned }).kill, [{ message: /failed liveness probe/ }]);
  const changed = podOf({ containers: [containerOf("main", { image: "busybox:2" })] });
  t.match(planFor(changed, view).kill, [{ message: "Container main definition changed, will be restarted" }]);
});

t.test("a finished Pod stays finished, whatever became of its containers", async (t) => {
  const pod = podOf({ restartPolicy: "OnFailure" }, { phase: "Succeeded" });
  t.match(planFor(pod, viewOf([])), { finished: true, start: [], newSandboxAttempt: undefined });
});

t.test("a container that someone removed comes back with a higher count", async (t) => {
  const known = { name: "main", containerID: "docker://x", restartCount: 3, image: "", imageID: "", ready: true };
  const pod = podOf({}, { phase: "Running", containerStatuses: [known] });
  t.same(starts(planFor(pod, viewOf([sandboxOf()]))), ["main/4"]);
});

t.test("the current attempt and the one before are kept", async (t) => {
  const attempts = [0, 1, 2, 3].map((attempt) => endedOf("main", 1, { attempt }));
  const ids = (keep?: number) => leftovers(viewOf([sandboxOf()], ...attempts), keep).containers.map(({ id }) => id);
  t.same(ids(), ["main-1", "main-0"]);
  t.same(ids(0), ["main-2", "main-1", "main-0"]);
  t.same(ids(5), []);
});

t.test("sidecars stop last, and in the opposite order of their start", async (t) => {
  const sidecars = ["one", "two"].map((name) => containerOf(name, { restartPolicy: "Always" }));
  const pod = podOf({ restartPolicy: "Never", initContainers: sidecars });
  const killed = (...running: string[]) => {
    const states = running.map((name) => stateOf(name));
    return planFor(pod, viewOf([sandboxOf()], ...states), { failed: true }).kill.map(({ container }) => container.name);
  };
  t.same(killed("one", "two", "main"), ["main"]);
  t.same(killed("one", "two"), ["two"]);
  t.same(killed("one"), ["one"]);
});

t.test("a postStart hook holds the next container", async (t) => {
  const pod = podOf({ containers: [containerOf("a"), containerOf("b")] });
  const view = viewOf([sandboxOf()], stateOf("a"));
  t.same(starts(planFor(pod, view, { isInPostStart: () => true })), []);
  t.same(starts(planFor(pod, view)), ["b/0"]);
});

t.test("a container's own restart policy and rules come before the Pod's", async (t) => {
  const rule = (operator: string) => [{ action: "Restart", exitCodes: { operator, values: [42] } }];
  const after = (code: number, container: object) => {
    const pod = podOf({ restartPolicy: "Never", containers: [containerOf("main", container)] });
    return planFor(pod, viewOf([sandboxOf()], endedOf("main", code))).finished;
  };
  t.equal(after(1, { restartPolicy: "OnFailure" }), false);
  t.equal(after(0, { restartPolicy: "OnFailure" }), true);
  t.equal(after(0, { restartPolicy: "Always" }), false);
  t.equal(after(42, { restartPolicy: "Never", restartPolicyRules: rule("In") }), false);
  t.equal(after(1, { restartPolicy: "Never", restartPolicyRules: rule("In") }), true);
  t.equal(after(1, { restartPolicy: "Never", restartPolicyRules: rule("NotIn") }), false);
  t.equal(after(0, { restartPolicy: "Never", restartPolicyRules: rule("NotIn") }), true);
});

t.test("ephemeral containers run once, in a sandbox that is there", async (t) => {
  const pod = podOf({ ephemeralContainers: [containerOf("debug")] });
  t.same(starts(planFor(pod, viewOf([]))), ["main/0"]);
  t.same(starts(planFor(pod, viewOf([sandboxOf()], stateOf("main")))), ["debug/0"]);
  t.same(starts(planFor(pod, viewOf([sandboxOf()], stateOf("main"), endedOf("debug", 1)))), []);
  const known = { ephemeralContainerStatuses: [{ name: "debug", containerID: "docker://x" }] } as Pod["status"];
  t.same(
    starts(planFor({ ...pod, status: known }, viewOf([sandboxOf()], stateOf("main")))),
    [],
    "nor again when it is lost",
  );
});
