import t from "tap";
import type { PressureType } from "#agent/eviction/signals.js";
import { parseThresholds } from "#agent/eviction/thresholds.js";
import { hostLimitations } from "#agent/host/limitations.js";
import { osImage } from "#agent/host/machine.js";
import { allocatable, capacity } from "#agent/node/capacity.js";
import { conditionEvents } from "#agent/node/node-events.js";
import { nodeImages } from "#agent/node/node-images.js";
import { fixedStatus, type NodeFacts, newNode } from "#agent/node/node-object.js";
import { type NodeObservation, statusPatch } from "#agent/node/node-status.js";
import { reservations } from "#agent/node/reservations.js";
import type { RuntimeVersion } from "#agent/runtime/runtime.js";
import type { Node, NodeCondition, NodeStatus } from "#api/generated/types.js";

const facts: NodeFacts = {
  localStorage: "/data/storage",
  name: "node-1",
  addresses: ["10.9.9.9"],
  machine: {
    kernelVersion: "6.1",
    osImage: "Debian",
    bootID: "b",
    systemUUID: "s",
    architecture: "amd64",
    cores: 2,
    memory: 4 * 1024 ** 3,
  },
  machineId: "m",
  runtime: { name: "docker", version: "20.10.24" } as RuntimeVersion,
  resources: {
    cores: 2,
    memory: 4 * 1024 ** 3,
    storage: 100 * 1024,
    maxPods: 110,
    reserved: { milliCpu: 0, memory: 100 * 1024 ** 2, storage: 10 * 1024 },
  },
  version: "v1.35.0+berth0.1.0",
  kubeletPort: 10250,
  labels: { disk: "ssd" },
};
const seen = (problems: string[], ...pressures: PressureType[]): NodeObservation => ({
  fixed: fixedStatus(facts),
  health: { problems, pressures: new Set(pressures) },
  images: [],
});
const node = (status: NodeStatus = {}): Node => ({ ...newNode(facts), status }) as Node;
const conditionsOf = (patch: object | undefined) =>
  (patch as { status: { conditions: NodeCondition[] } }).status.conditions;

t.test("a new Node has the well-known labels, capacity and what is left of it for Pods", async (t) => {
  t.match(newNode(facts).metadata.labels, {
    "kubernetes.io/hostname": "node-1",
    "kubernetes.io/os": "linux",
    disk: "ssd",
  });
  const status = fixedStatus(facts);
  t.match(status.capacity, { cpu: "2", memory: "4194304Ki", pods: "110", "ephemeral-storage": "100Ki" });
  t.match(status.allocatable, { cpu: "2", memory: "4091904Ki", pods: "110", "ephemeral-storage": "92160" });
  t.equal(status.nodeInfo.containerRuntimeVersion, "docker://20.10.24");
  t.same(status.addresses, [
    { type: "InternalIP", address: "10.9.9.9" },
    { type: "Hostname", address: "node-1" },
  ]);
});

t.test("only what changed is written, and transitions keep their time", async (t) => {
  const first = statusPatch(node(), seen(["no network", "no engine"]), "T1", false) as { status: NodeStatus };
  t.match(first.status.addresses?.at(-1), { $patch: "replace" });
  t.match(
    conditionsOf(first).find(({ type }) => type === "Ready"),
    {
      status: "False",
      reason: "KubeletNotReady",
      message: "[no network, no engine]",
      lastTransitionTime: "T1",
    },
  );
  const foreign: NodeCondition = { type: "NetworkUnavailable", status: "False" };
  const known = node({ ...fixedStatus(facts), conditions: [...conditionsOf(first), foreign] });
  const second = statusPatch(known, seen([]), "T2", false) as { status: NodeStatus };
  t.same(Object.keys(second.status), ["conditions"], "facts that did not change are not sent");
  t.match(conditionsOf(second), [
    { type: "MemoryPressure", lastTransitionTime: "T1", lastHeartbeatTime: "T2" },
    {},
    {},
    {},
  ]);
  t.match(conditionsOf(second)[3], { type: "Ready", status: "True", reason: "KubeletReady", lastTransitionTime: "T2" });

  const current = node({ ...fixedStatus(facts), conditions: conditionsOf(second) });
  t.equal(statusPatch(current, seen([]), "T3", false), undefined);
  t.equal(conditionsOf(statusPatch(current, seen([]), "T3", true))[3]!.lastHeartbeatTime, "T3");
});

t.test("changed conditions become Events", async (t) => {
  const old = conditionsOf(statusPatch(node(), seen(["x"]), "T1", false));
  const now = conditionsOf(statusPatch(node(), seen([], "DiskPressure"), "T1", false));
  t.same(
    conditionEvents("node-1", old, now).map(({ message }) => message),
    ["Node node-1 status is now: NodeHasDiskPressure", "Node node-1 status is now: NodeReady"],
  );
});

t.test("images: named ones, largest first, fifty at most", async (t) => {
  const image = (size: number, tags: string[]) => ({ id: "i", tags, digests: [], size, user: "" });
  const list = [image(1, ["a:1"]), image(9, []), ...Array.from({ length: 60 }, (_, i) => image(i + 2, [`x:${i}`]))];
  const images = nodeImages(list);
  t.equal(images.length, 50);
  t.same(images[0], { names: ["x:59"], sizeBytes: 61 });
});

t.test("the host: name of its system, and what it lacks", async (t) => {
  t.equal(osImage('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'), "Debian GNU/Linux 12 (bookworm)");
  t.equal(osImage(""), "Unknown");
  const mount = t.testdir({ cpu: {}, memory: {} });
  const limits = hostLimitations({ version: 1, mount }, "CapEff:\t000001fffeffffff\n");
  t.match(limits, [/^CAP_SYS_RESOURCE is missing/, /^the pids cgroup controller is missing/]);
  const v2 = t.testdir({ "cgroup.controllers": "cpu memory pids\n" });
  t.same(hostLimitations({ version: 2, mount: v2 }, "CapEff:\t000001ffffffffff\n"), []);
});

t.test("what others say that the node has stays, and is for Pods", async (t) => {
  const others = { "example.com/foo": "4", stale: "1" };
  const before = node({ ...fixedStatus(facts), capacity: { ...fixedStatus(facts).capacity, ...others } });
  const patch = statusPatch(before, seen([]), "T1", false) as { status: NodeStatus };
  t.equal(patch.status.allocatable?.["example.com/foo"], "4");
  t.equal(patch.status.allocatable?.["cpu"], "2");
  t.same(patch.status.capacity?.["stale"], null, "no resource of others: it is withdrawn");
  const { capacity: own, allocatable: free } = fixedStatus(facts);
  const gone = node({ ...fixedStatus(facts), allocatable: { ...free, "example.com/foo": "4" }, capacity: own });
  const next = statusPatch(gone, seen([]), "T1", false) as { status: NodeStatus };
  t.same(next.status.allocatable?.["example.com/foo"], null, "what they take back is");
});

t.test("reserved amounts and huge pages are taken off what Pods may ask for", async (t) => {
  const flags = { kubeReserved: "cpu=100m,memory=200Mi", systemReserved: "cpu=250m,ephemeral-storage=1Mi,pid=10" };
  const size = { memory: 4 * 1024 ** 3, storage: 100 * 1024 ** 2 };
  const thresholds = parseThresholds({ evictionHard: "memory.available<56Mi,nodefs.available<10%" });
  const reserved = reservations(flags, thresholds, size);
  t.same(reserved, { milliCpu: 350, memory: 256 * 1024 ** 2, storage: 11 * 1024 ** 2 });
  const resources = { cores: 2, ...size, maxPods: 3, reserved, hugePages: new Map([[2048, 8]]) };
  t.match(capacity(resources), { cpu: "2", "hugepages-2Mi": "16Mi", "hugepages-1Gi": "0", memory: "4194304Ki" });
  t.match(allocatable(resources), { cpu: "1650m", memory: `${(4096 - 256 - 16) * 1024}Ki`, "hugepages-2Mi": "16Mi" });
  t.throws(() => reservations({ kubeReserved: "gpu=1" }, [], size), /--kube-reserved: "gpu=1"/);
  t.throws(() => reservations({ systemReserved: "cpu=x" }, [], size), /--system-reserved: "x"/);
});
