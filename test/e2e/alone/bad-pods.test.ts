import t from "tap";
import type { ContainerStatus, Pod } from "#api/generated/types.js";
import { type NamespaceSession, openLab, pod, until } from "../lab-session.js";

const session = await openLab(t);
const { lab } = session;
const onNode1 = { nodeName: "node-1" };
// What befalls a single Pod is waited for side by side; what befalls a node, one after the other.
t.jobs = 5;
const inTurn = { buffered: false };

const status = async (ns: NamespaceSession, name: string): Promise<ContainerStatus | undefined> =>
  (await ns.get<Pod>("pod", name)).status?.containerStatuses?.[0];

const waitingFor = (ns: NamespaceSession, name: string, ...reasons: string[]) =>
  until(`${name} waiting with ${reasons.join(" or ")}`, async () =>
    reasons.includes((await status(ns, name))?.state?.waiting?.reason ?? ""),
  );

const eventMatching = (ns: NamespaceSession, name: string, pattern: RegExp) =>
  until(`an Event of ${name} like ${pattern}`, async () => (await ns.eventsOf(name)).find((e) => pattern.test(e)));

t.test("an image that does not exist: the Pod says so, and runs when the image has come", async (t) => {
  const ns = await session.namespace(t, "no-image");
  await ns.apply(pod("lost", { image: "nowhere.invalid/lost:1", command: ["sleep", "600"] }, onNode1));
  await waitingFor(ns, "lost", "ErrImagePull", "ImagePullBackOff");
  await eventMatching(ns, "lost", /^Failed: Failed to pull image "nowhere.invalid\/lost:1"/);
  await waitingFor(ns, "lost", "ImagePullBackOff");
  await eventMatching(ns, "lost", /^BackOff: Back-off pulling image "nowhere.invalid\/lost:1"/);
  await session.docker(lab.node("node-1"), ["tag", "busybox:latest", "nowhere.invalid/lost:1"]);
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/lost", "--timeout=180s"]);
  await session.docker(lab.node("node-1"), ["rmi", "nowhere.invalid/lost:1"]);
  t.pass("healed");
});

t.test("a command that is not in the image", async (t) => {
  const ns = await session.namespace(t, "no-command");
  await ns.apply(pod("typo", { command: ["/bin/no-such-program"] }));
  await waitingFor(ns, "typo", "RunContainerError", "CrashLoopBackOff");
  await eventMatching(ns, "typo", /^Failed: Error: .*no-such-program.*no such file or directory/s);
  const { lastState, state } = (await status(ns, "typo"))!;
  t.match(lastState?.terminated ?? state?.terminated ?? { exitCode: 128 }, { exitCode: /^(127|128)$/ });
});

t.test("a container that crashes is restarted, with back-off", async (t) => {
  const ns = await session.namespace(t, "crash");
  await ns.apply(pod("crash", { command: ["sh", "-c", "exit 42"] }));
  await waitingFor(ns, "crash", "CrashLoopBackOff");
  await eventMatching(ns, "crash", /^BackOff: Back-off restarting failed container main in pod crash_crash\(/);
  // Now and then it runs.
  const { lastState, ready } = await until("waiting again, after an error", async () => {
    const now = await status(ns, "crash");
    return now?.lastState?.terminated && !now.ready && now;
  });
  t.match({ lastState, ready }, { lastState: { terminated: { exitCode: 42, reason: "Error" } }, ready: false });
  const row = /crash +0\/1 +CrashLoopBackOff +\d+ \(/;
  t.ok(await until("its row", async () => row.test(await ns.kubectl(["get", "pod", "crash"]))));
});

t.test("a probe that hangs is a failed probe; others are not held up", async (t) => {
  const ns = await session.namespace(t, "probe");
  const hanging = { exec: { command: ["sh", "-c", "[ -e /ok ] || sleep 600"] }, timeoutSeconds: 1, periodSeconds: 1 };
  const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"];
  await ns.apply(
    pod("stuck", { command, readinessProbe: hanging }, onNode1),
    pod("alive", { command, readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1 } }, onNode1),
  );
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/alive", "--timeout=180s"]);
  await eventMatching(ns, "stuck", /^Unhealthy: Readiness probe failed: .*timed out/);
  t.equal((await status(ns, "stuck"))?.ready, false);
  await ns.kubectl(["exec", "stuck", "--", "touch", "/ok"]);
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/stuck", "--timeout=180s"]);
});

t.test("a liveness probe that fails restarts the container", async (t) => {
  const ns = await session.namespace(t, "liveness");
  const livenessProbe = { exec: { command: ["test", "-e", "/tmp/alive"] }, periodSeconds: 1, failureThreshold: 2 };
  const command = [
    "sh",
    "-c",
    "touch /tmp/alive; trap 'exit 0' TERM; sleep 4; rm /tmp/alive; while :; do sleep 0.2; done",
  ];
  await ns.apply(pod("sick", { command, livenessProbe }));
  await until("a restart", async () => ((await status(ns, "sick"))?.restartCount ?? 0) > 0);
  await eventMatching(ns, "sick", /^Killing: Container main failed liveness probe, will be restarted/);
  t.pass();
});

t.test("a host port that is taken: the scheduler says so, and the Pod comes when it is free", inTurn, async (t) => {
  const ns = await session.namespace(t, "port");
  const ports = [{ containerPort: 80, hostPort: 18080 }];
  const picky = { nodeSelector: { "kubernetes.io/hostname": "node-1" } };
  const container = { image: "nginx:latest", ports };
  await ns.apply(pod("first", container, picky));
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/first", "--timeout=180s"]);
  const url = `http://${lab.node("node-1").address}:18080/`;
  // A container runs before its server listens.
  const page = () => session.on(lab.server, ["curl", "-s", "-m", "10", url]).catch(() => "");
  t.ok(await until("the host port serves", async () => /nginx/.test(await page())));
  await ns.apply(pod("second", container, picky));
  const message = await eventMatching(ns, "second", /^FailedScheduling: /);
  t.match(
    message,
    /0\/2 nodes are available: 1 node\(s\) didn't have free ports for the requested pod ports, 1 node\(s\) didn't match/,
  );
  await ns.kubectl(["delete", "pod", "first"]);
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/second", "--timeout=180s"]);
});

t.test("a host port that the node itself listens on is not taken from it", inTurn, async (t) => {
  const ns = await session.namespace(t, "own-port");
  const ports = [{ containerPort: 80, hostPort: 10250 }];
  await ns.apply(
    pod("greedy", { image: "nginx:latest", ports }, onNode1),
    pod("quiet", { command: ["sh", "-c", "echo heard; sleep 600"] }, onNode1),
  );
  await eventMatching(
    ns,
    "greedy",
    /^FailedCreatePodSandBox: .*host port 10250\/tcp is in use by a process of the host/,
  );
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/quiet", "--timeout=180s"]);
  t.ok(await until("the node still answers", async () => (await ns.kubectl(["logs", "quiet"])) === "heard\n"));
});

t.test("a Pod that fits nowhere says why, and comes when a node has room", inTurn, async (t) => {
  const ns = await session.namespace(t, "room");
  const resources = { requests: { cpu: "900" } };
  await ns.apply(
    pod("huge", { command: ["sleep", "600"], resources }),
    pod("picky", { command: ["sleep", "600"] }, { nodeSelector: { disk: "fast" } }),
  );
  t.match(await eventMatching(ns, "huge", /^FailedScheduling/), /0\/2 nodes are available: 2 Insufficient cpu/);
  t.match(
    await eventMatching(ns, "picky", /^FailedScheduling/),
    /2 node\(s\) didn't match Pod's node affinity\/selector/,
  );
  await session.kubectl(["label", "node", "node-2", "disk=fast"]);
  t.teardown(() => session.kubectl(["label", "node", "node-2", "disk-"]));
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/picky", "--timeout=180s"]);
});

t.test("a full address range: the Pod says so, nothing leaks, and it heals", inTurn, async (t) => {
  const ns = await session.namespace(t, "range");
  const node = lab.node("node-2");
  const before = await session.settledInventory(node);
  const find = ["find", "/var/lib/cni", "/var/lib/berth", "-type", "d", "-path", "*networks/*"];
  const reservations = (await session.on(node, find)).trim().split("\n")[0]!;
  const { spec } = await ns.session.kubectl(["get", "node", "node-2", "-o", "json"]).then(JSON.parse);
  const prefix = spec.podCIDR.split(".").slice(0, 3).join(".");
  // Reserve every address that is left, as another container would.
  const fill = `for i in $(seq 1 254); do f=${reservations}/${prefix}.$i; [ -e $f ] || { echo test-fill > $f; }; done`;
  const free = `grep -l '^test-fill' ${reservations}/* | xargs rm -f`;
  t.teardown(() => session.on(node, ["sh", "-c", `${free}; true`]));
  await session.on(node, ["sh", "-c", fill]);
  await ns.apply(pod("crowded", { command: ["sleep", "600"] }, { nodeName: "node-2" }));
  await eventMatching(ns, "crowded", /^FailedCreatePodSandBox: .*no IP addresses available in range set/);
  await session.on(node, ["sh", "-c", free]);
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/crowded", "--timeout=180s"]);
  await ns.kubectl(["delete", "pod", "crowded"]);
  t.same(
    await until("nothing left", async () => {
      const after = await session.inventory(node);
      return JSON.stringify(after) === JSON.stringify(before) && after;
    }),
    before,
  );
});
