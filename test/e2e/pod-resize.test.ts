/** CPU and memory of running containers, as the API shows them and as the kernel enforces them. */
import t, { type Test } from "tap";
import type { Container, Pod, ResourceRequirements } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { proves } from "#test/proves.js";
import { openLab, pod } from "./lab-session.js";
import { condition, container, PodWatch, sh, WAIT } from "./pod-watch.js";

t.jobs = 8;
const session = await openLab(t);
const ns = await session.namespace(t, "pod-resize");
const watch = await PodWatch.open(t, ns);
const { client, namespace } = watch;

const upstream = (what: string) =>
  `[sig-node] Pod InPlace Resize Container ${what} [MinimumKubeletVersion:1.34] [Conformance]`;
type Sizes = Record<string, ResourceRequirements>;

/** "cpu/memory", both as request and limit: a guaranteed container. */
const same = (cpu: number, memory: number): ResourceRequirements => {
  const both = { cpu: `${cpu}m`, memory: `${memory}Mi` };
  return { requests: both, limits: both };
};
const podOf = (name: string, sizes: Sizes, more: object = {}) =>
  pod(
    name,
    {},
    {
      containers: Object.entries(sizes).map(([name, resources]) => ({
        name,
        image: "busybox:latest",
        imagePullPolicy: "IfNotPresent",
        ...sh(WAIT),
        resources,
        ...more,
      })),
    },
  );
const bodyOf = (sizes: Sizes) => ({
  spec: { containers: Object.entries(sizes).map(([name, resources]) => ({ name, resources })) },
});

const milli = (cpu?: string) => (cpu?.endsWith("m") ? Number.parseInt(cpu, 10) : Number(cpu ?? 0) * 1000);
const bytes = (memory?: string) => {
  const unit = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }[memory?.slice(-2) ?? ""] ?? 1;
  return Number.parseInt(memory ?? "0", 10) * unit;
};

/** What the kernel enforces, as seen in the container: "quota memory". -1 or "max": none. */
const IN_FORCE =
  "cd /sys/fs/cgroup; cat cpu/cpu.cfs_quota_us memory/memory.limit_in_bytes 2>/dev/null || { cut -d' ' -f1 cpu.max; cat memory.max; }";

async function enforced(name: string, of: string): Promise<{ quota: number; memory: number }> {
  const text = await watch.exec(name, ["sh", "-c", IN_FORCE], of);
  const [quota = -1, memory = -1] = text
    .trim()
    .split(/\s+/)
    .map((word) => (word === "max" ? -1 : Number(word)));
  // Version 1 has a huge number for "none".
  return { quota: Math.max(quota, 0), memory: memory > 2 ** 60 ? 0 : Math.max(memory, 0) };
}

const isResized = (sizes: Sizes, generation: number) => (found: Pod) =>
  found.status?.observedGeneration === generation &&
  !condition(found, "PodResizeInProgress") &&
  !condition(found, "PodResizePending") &&
  Object.entries(sizes).every(([name, { limits = {}, requests = {} }]) => {
    const { resources, allocatedResources } = container(found, name) ?? {};
    return (
      milli(resources?.limits?.["cpu"]) === milli(limits["cpu"]) &&
      bytes(resources?.limits?.["memory"]) === bytes(limits["memory"]) &&
      milli(allocatedResources?.["cpu"]) === milli(requests["cpu"] ?? limits["cpu"]) &&
      bytes(allocatedResources?.["memory"]) === bytes(requests["memory"] ?? limits["memory"])
    );
  });

async function checkResized(t: Test, name: string, sizes: Sizes, generation = 2): Promise<void> {
  const found = await watch.until(name, "resized", isResized(sizes, generation));
  for (const [of, { limits }] of Object.entries(sizes)) {
    const wanted = {
      quota: Math.max(milli(limits?.["cpu"]) * 100, limits?.["cpu"] ? 1000 : 0),
      memory: bytes(limits?.["memory"]),
    };
    t.same(await enforced(name, of), wanted, of);
    t.equal(container(found, of)?.restartCount, 0, "without a restart");
  }
}

/** Pods by name: how they begin, and what becomes of them. */
const cases: Record<string, { title: string; before: Sizes; after: Sizes }> = {
  increase: {
    title:
      "guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase",
    before: { c1: same(20, 40), c2: same(30, 50), c3: same(60, 70) },
    after: { c1: same(50, 60), c2: same(60, 70), c3: same(40, 50) },
  },
  decrease: {
    title:
      "guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, decrease cpu & mem on c2, c3 - net decrease",
    before: { c1: same(20, 40), c2: same(60, 70), c3: same(60, 70) },
    after: { c1: same(30, 50), c2: same(30, 50), c3: same(40, 50) },
  },
  mixed: {
    title:
      "guaranteed pods with multiple containers 3 containers - increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2)",
    before: { c1: same(20, 40), c2: same(60, 50), c3: same(30, 40) },
    after: { c1: same(40, 40), c2: same(40, 70), c3: same(50, 60) },
  },
  extended: {
    title:
      "burstable pods - extended 6 containers - various operations performed (including adding limits and requests)",
    before: {
      c1: { requests: { cpu: "20m", memory: "40Mi" }, limits: { cpu: "40m", memory: "60Mi" } },
      c2: { requests: { cpu: "20m", memory: "40Mi" } },
      c3: {},
      c4: { requests: { cpu: "40m" }, limits: { cpu: "80m" } },
      c5: { requests: { memory: "40Mi" }, limits: { memory: "60Mi" } },
      c6: { requests: { cpu: "20m" } },
    },
    after: {
      c1: { requests: { cpu: "30m", memory: "50Mi" }, limits: { cpu: "60m", memory: "80Mi" } },
      c2: { requests: { cpu: "20m", memory: "40Mi" }, limits: { cpu: "40m", memory: "60Mi" } },
      c3: { requests: { cpu: "20m", memory: "40Mi" } },
      c4: { requests: { cpu: "20m" }, limits: { cpu: "40m" } },
      c5: { requests: { memory: "50Mi" }, limits: { memory: "70Mi" } },
      c6: { requests: { cpu: "20m" }, limits: { cpu: "60m", memory: "80Mi" } },
    },
  },
  equivalents: {
    title: "burstable pods - extended resize with equivalents",
    before: { c1: { requests: { cpu: "2m", memory: "40Mi" }, limits: { cpu: "10m", memory: "1Gi" } } },
    after: { c1: { requests: { cpu: "1m", memory: "40960Ki" }, limits: { cpu: "5m", memory: "1024Mi" } } },
  },
};

const restarting = { resizePolicy: [{ resourceName: "memory", restartPolicy: "RestartContainer" }] };
await watch.createAll([
  ...Object.entries(cases).map(([name, { before }]) => podOf(name, before)),
  podOf("replaced", { c1: same(20, 40) }),
  podOf("restarting", { c1: same(20, 40) }, restarting),
  podOf("waiting", { c1: { requests: { cpu: "20m" } } }),
]);

for (const [name, { title, before, after }] of Object.entries(cases)) {
  t.test(title, async (t) => {
    proves(t, upstream(title));
    await watch.ready(name);
    for (const [of, { limits }] of Object.entries(before).slice(0, 1))
      t.equal((await enforced(name, of)).memory, bytes(limits?.["memory"]));
    await watch.patch(name, bodyOf(after), "resize");
    await checkResized(t, name, after);
    await watch.patch(name, bodyOf(name === "extended" ? { c1: after["c1"] ?? {} } : before), "resize");
    if (name !== "extended") await checkResized(t, name, before, 3);
  });
}

t.test("through PUT", async (t) => {
  proves(t, upstream("resize pod via the replace endpoint"));
  await watch.ready("replaced");
  const found = await client.get(pods, "replaced", namespace);
  const [main] = found.spec.containers as [Container];
  const spec = { ...found.spec, containers: [{ ...main, image: "other", resources: same(40, 60) }] };
  const resized = await client.update(pods, { ...found, spec }, { subresource: "resize" });
  t.equal(resized.spec.containers[0]?.image, "busybox:latest", "only sizes are taken");
  await checkResized(t, "replaced", { c1: same(40, 60) });
});

t.test("a container whose policy asks for it is restarted", async (t) => {
  await watch.ready("restarting");
  await watch.patch("restarting", bodyOf({ c1: same(30, 40) }), "resize");
  await checkResized(t, "restarting", { c1: same(30, 40) });
  await watch.patch("restarting", bodyOf({ c1: same(30, 60) }), "resize");
  const found = await watch.until("restarting", "restarted", (found) => container(found, "c1")?.restartCount === 1);
  t.equal(found.metadata.generation, 3);
  await watch.until("restarting", "resized", isResized({ c1: same(30, 60) }, 3));
  t.equal((await enforced("restarting", "c1")).memory, bytes("60Mi"));
});

t.test("what the node has no room for waits, and is said", async (t) => {
  await watch.ready("waiting");
  await watch.patch("waiting", bodyOf({ c1: { requests: { cpu: "1000" } } }), "resize");
  const pending = await watch.until("waiting", "pending", (found) => condition(found, "PodResizePending"));
  t.match(condition(pending, "PodResizePending"), {
    status: "True",
    reason: "Infeasible",
    message: /cpu, requested: 1000000/,
  });
  t.equal(container(pending, "c1")?.allocatedResources?.["cpu"], "20m");
  await watch.patch("waiting", bodyOf({ c1: { requests: { cpu: "30m" } } }), "resize");
  await watch.until("waiting", "resized", isResized({ c1: { requests: { cpu: "30m" } } }, 3));
});

t.test("what a resize may not do", async (t) => {
  const refused = async (sizes: Sizes, message: RegExp) =>
    t.rejects(watch.patch("replaced", bodyOf(sizes), "resize"), { message });
  await refused({ c1: { requests: { cpu: "10m" } } }, /Pod QOS Class may not change as a result of resizing/);
  await refused({ c1: { limits: { "ephemeral-storage": "1Gi" } } }, /only cpu and memory resources are mutable/);
});

t.test("a Pod that asks for resources as a whole is not resized, neither as a whole nor by container", async (t) => {
  const resources = { limits: { cpu: "200m", memory: "64Mi" } };
  await watch.create(pod("whole", sh(WAIT), { resources }));
  const { uid } = (await watch.ready("whole")).metadata;
  const message = /\[\]: Forbidden: pods with pod-level resources cannot be resized/;
  const whole = { spec: { resources: { limits: { cpu: "300m" } } } };
  await t.rejects(watch.patch("whole", whole, "resize"), { code: 422, message });
  await t.rejects(watch.patch("whole", bodyOf({ main: { limits: { cpu: "100m" } } }), "resize"), {
    code: 422,
    message,
  });
  const now: Pod = await client.get(pods, "whole", namespace);
  t.match(now, { metadata: { uid, generation: 1 }, spec: { resources } });
});
