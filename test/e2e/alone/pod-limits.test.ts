/** Bounds on a Pod as a whole: what its cgroup says, and what the kernel does about it. */
import { readFile } from "node:fs/promises";
import t from "tap";
import { cgroupFolder, cgroupLayout } from "#agent/host/cgroup-layout.js";
import { podCgroup } from "#agent/pods/pod-cgroup.js";
import { isReady, NodeFixture, sh, skipWithoutEngine } from "#test/fixtures/node-pods.js";

const layout = cgroupLayout();
const skip =
  layout.version === 1 ? skipWithoutEngine : "the engine's cgroups are of version 2, whose files unit tests cover";

t.test("a Pod's cgroup bounds what its containers use together", { skip, timeout: 120_000 }, async (t) => {
  const node = await NodeFixture.open(t, { podMaxPids: 40 });
  const resources = { requests: { memory: "16Mi" }, limits: { cpu: "500m", memory: "48Mi" } };
  await node.create("whole", {}, { resources, restartPolicy: "Never" });
  // Sixty processes that stay, if they may.
  const many = sh("i=0; while [ $i -lt 60 ]; do sleep 30 & i=$((i+1)); done; wait");
  await node.create("many", { command: many }, { restartPolicy: "Never" });
  const pod = await node.until("whole", "ready", isReady);
  t.match(pod.spec.resources?.requests, { memory: "16Mi", cpu: "500m" }, "requests are filled from limits");
  t.equal(pod.status?.qosClass, "Burstable");
  const path = podCgroup(`/berth-${node.nodeName}`, "Burstable", pod.metadata.uid);
  const read = async (controller: string, file: string, at = path) =>
    (await readFile(`${cgroupFolder(layout, controller, at)}/${file}`, "utf8")).trim();
  t.equal(await read("memory", "memory.limit_in_bytes"), String(48 * 1024 ** 2));
  t.equal(await read("cpu", "cpu.cfs_quota_us"), "50000");
  t.equal(await read("cpu", "cpu.shares"), "512");
  t.equal(await read("pids", "pids.max"), "40");
  const id = String(pod.status?.containerStatuses?.[0]?.containerID).replace("docker://", "");
  t.equal(await read("memory", "memory.limit_in_bytes", `${path}/${id}`), String(48 * 1024 ** 2));

  const { status } = await node.until("many", "failed", (one) => one.status?.phase === "Failed");
  t.match(await node.log("many"), /can't fork/, "more processes than a Pod may have cannot be made");
  t.ok((status?.containerStatuses?.[0]?.state?.terminated?.exitCode ?? 0) > 0);
  for (const name of ["whole", "many"]) await node.delete(name, 0);
});
