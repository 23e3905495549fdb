/**
 * What becomes of a node whose engine is slow, hangs or is restarted, and of one whose disk is full or read-only. On a lab of its
 * own, one node for each of the two, side by side. A set clock is test/unit/agent/clock-steps.test.ts.
 */
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Node, Pod } from "#api/generated/types.js";
import { nodes } from "#api/refs.js";
import { labDown } from "#scripts/lab/down.js";
import { processId, stopProcess } from "#scripts/lab/processes.js";
import { defaultLabRoot, type LabNode } from "#scripts/lab/state.js";
import { labUp, startAgent, startDockerd } from "#scripts/lab/up.js";
import { LabSession, ownLabName, pod, until } from "../lab-session.js";
import { condition, container, PodWatch } from "../pod-watch.js";
import { type EngineContainer, nodeTruth } from "./node-truth.js";
import { slowProxy } from "./slow-proxy.js";

const options = { name: ownLabName("eng"), root: defaultLabRoot(), nodes: 2, images: ["busybox"], apiPort: 0 };
const lab = await labUp({ ...options, timers: "kubernetes" });
t.teardown(() => labDown(lab));
const session = new LabSession(lab);
const [one, two] = lab.workers as [LabNode, LabNode];
t.jobs = 2;

const WAIT = { command: ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"] };
const onNode = ({ name }: LabNode, podName: string, spec: object = {}, more: object = {}) =>
  pod(podName, { ...WAIT, ...more }, { nodeName: name, ...spec });

/** The node's Ready condition, once it is as wanted; and how long that took, s. */
async function readiness(
  watch: PodWatch,
  { name }: LabNode,
  status: string,
): Promise<{ message: string; took: number }> {
  const began = performance.now();
  const message = await until(`${name} Ready=${status}`, async () => {
    const node: Node = await watch.client.get(nodes, name);
    const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
    return ready?.status === status && `${ready.reason}: ${ready.message}`;
  });
  return { message, took: (performance.now() - began) / 1000 };
}

/** The containers that run for a Pod, sandbox first: each once. */
async function running(t: Test, node: LabNode, name: string): Promise<EngineContainer[]> {
  const { containers } = await nodeTruth(lab, node);
  const found = containers.filter((c) => c.pod === name && c.running).sort((a, b) => a.name.localeCompare(b.name));
  t.same(
    found.map((c) => c.name),
    ["", "main"],
    `${name}: one sandbox and one container`,
  );
  return found;
}

const ids = (containers: readonly EngineContainer[]) => containers.map(({ id }) => id);
const isReady = (pod: Pod) => condition(pod, "Ready")?.status === "True";

t.test("an engine in trouble", async (t) => {
  const ns = await session.namespace(t, "engine");
  const watch = await PodWatch.open(t, ns);

  await t.test("slow: Pods take longer, and nothing else happens", async (t) => {
    const socket = join(lab.runDirectory(one), "slow.sock");
    const close = await slowProxy(socket, lab.dockerSocket(one), 200);
    await stopProcess(lab, one, "agent");
    await startAgent(lab, one, undefined, ["--docker-socket", "/run/slow.sock"]);
    const probe = { exec: { command: ["true"] }, periodSeconds: 1, timeoutSeconds: 5 };
    await watch.create(onNode(one, "slow", {}, { readinessProbe: probe, livenessProbe: probe }));
    await watch.ready("slow");
    t.match(await readiness(watch, one, "True"), { message: "KubeletReady: kubelet is posting ready status" });
    const before = ids(await running(t, one, "slow"));
    await stopProcess(lab, one, "agent", "SIGKILL");
    await close();
    await startAgent(lab, one);
    await watch.create(onNode(one, "after"));
    await watch.ready("after");
    t.same(ids(await running(t, one, "slow")), before);
    t.equal(container(watch.history("slow").at(-1)!)?.restartCount, 0, "its probes were patient");
  });

  await t.test("hung: the node says so, and all is done once when it answers again", async (t) => {
    // Nearly always under way, so that the engine hangs in the midst of one; a single failure would be the container's end.
    const probe = { exec: { command: ["sleep", "1"] }, periodSeconds: 1, timeoutSeconds: 4, failureThreshold: 1 };
    await watch.create(onNode(one, "probed", {}, { livenessProbe: probe }));
    await watch.ready("probed");
    const before = ids(await running(t, one, "probed"));
    const engine = (await processId(lab, one, "dockerd"))!;
    process.kill(engine, "SIGSTOP");
    try {
      await watch.create(onNode(one, "meanwhile"));
      await watch.delete("after");
      const { message, took } = await readiness(watch, one, "False");
      t.equal(message, "KubeletNotReady: container runtime is down: the engine does not answer");
      t.comment(`said after ${took.toFixed(1)} s`);
    } finally {
      process.kill(engine, "SIGCONT");
    }
    const { took } = await readiness(watch, one, "True");
    t.comment(`well again after ${took.toFixed(1)} s`);
    await watch.ready("meanwhile");
    await watch.gone("after");
    await running(t, one, "meanwhile");
    t.same(
      ids(await running(t, one, "probed")),
      before,
      "a probe that could not be made says nothing about its container",
    );
  });

  await t.test("restarted: containers end and restart as their Pods say; with live-restore they run on", async (t) => {
    const script = ["sh", "-c", "trap 'exit 3' TERM; sleep 3600 & wait"];
    await watch.createAll([
      onNode(one, "never", { restartPolicy: "Never" }),
      onNode(one, "on-failure", { restartPolicy: "OnFailure" }, { command: script }),
    ]);
    await Promise.all([watch.ready("never"), watch.ready("on-failure")]);
    await stopProcess(lab, one, "dockerd");
    await startDockerd(lab, one, ["--live-restore"]);
    const again = (pod: Pod) => isReady(pod) && container(pod)?.restartCount === 1;
    const ended = await watch.until("never", "ended", ({ status }) => status?.phase === "Succeeded");
    t.equal(container(ended)?.state?.terminated?.exitCode, 0);
    await watch.until("on-failure", "run again", again);
    await watch.until("meanwhile", "run again", again);
    const before = ids([...(await running(t, one, "on-failure")), ...(await running(t, one, "meanwhile"))]);
    await stopProcess(lab, one, "dockerd", "SIGKILL");
    await startDockerd(lab, one, ["--live-restore"]);
    await watch.create(onNode(one, "last"));
    await watch.ready("last");
    t.same(ids([...(await running(t, one, "on-failure")), ...(await running(t, one, "meanwhile"))]), before);
    t.ok(again(watch.history("meanwhile").at(-1)!), "and the API says so");
  });
});

t.test("a disk in trouble", async (t) => {
  const ns = await session.namespace(t, "disk");
  const watch = await PodWatch.open(t, ns);
  const folder = "/var/lib/berth/agent";
  const on = (script: string) => session.on(two, ["sh", "-c", script]);
  await stopProcess(lab, two, "agent");
  await on(`cp -a ${folder} /run/kept && mount -t tmpfs -o size=4m tmpfs ${folder} && cp -a /run/kept/. ${folder}`);
  // A disk that is short is said at once; Pods would have to go only after a while.
  const flags = ["--eviction-hard", "memory.available<100Mi", "--eviction-soft", "nodefs.available<2%"];
  flags.push("--eviction-soft-grace-period", "nodefs.available=10m", "--eviction-pressure-transition-period", "0s");
  const start = () => startAgent(lab, two, undefined, flags);
  await start();
  const agent = () => processId(lab, two, "agent");
  const config = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "b".repeat(20_000) } };
  await ns.apply(config);
  await watch.create(onNode(two, "before"));
  await watch.ready("before");
  const before = ids(await running(t, two, "before"));
  const id = await agent();
  const volumes = [{ name: "c", configMap: { name: "c" } }];
  const pressure = (wanted: "True" | "False") =>
    until(`DiskPressure=${wanted}`, async () => {
      const node: Node = await watch.client.get(nodes, two.name);
      return node.status?.conditions?.some(({ type, status }) => type === "DiskPressure" && status === wanted);
    });

  await t.test("full: Pods and the node say so, and come to life when there is room", async (t) => {
    await on(`cat /dev/zero > ${folder}/filler 2>/dev/null || true`);
    await watch.create(onNode(two, "full", { volumes }));
    await until("an Event", async () => (await watch.events("full")).some((text) => /ENOSPC|no space left/.test(text)));
    await pressure("True");
    await on(`rm ${folder}/filler`);
    await watch.ready("full");
    await pressure("False");
    await running(t, two, "full");
  });

  await t.test("read-only: the node says so and is not ready, what runs goes on", async (t) => {
    await on(`mount -o remount,ro ${folder}`);
    await watch.create(onNode(two, "locked", { volumes }));
    await until("an Event", async () =>
      (await watch.events("locked")).some((text) => /EROFS: read-only file system/.test(text)),
    );
    t.match((await readiness(watch, two, "False")).message, /the node's data cannot be written: EROFS/);
    await stopProcess(lab, two, "agent", "SIGKILL");
    await start();
    await on(`mount -o remount,rw ${folder}`);
    await readiness(watch, two, "True");
    await watch.ready("locked");
    t.same(ids(await running(t, two, "before")), before);
  });
  t.not(await agent(), undefined);
  t.not(await agent(), id, "the one that was killed here");
});
