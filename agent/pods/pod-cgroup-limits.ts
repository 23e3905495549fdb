/** Bounds on a Pod as a whole, written into its cgroup: that of its sandbox and all its containers. cgroups(7) */
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Pod } from "#api/generated/types.js";
import { type CgroupLayout, cgroupFolder, cgroupLayout, sliceFolder } from "../host/cgroup-layout.js";
import { runProgram } from "../volumes/run-program.js";
import { containerResources } from "./container-resources.js";
import { podCgroup } from "./pod-cgroup.js";
import type { PodEnvironment } from "./pod-environment.js";
import { qosClass } from "./qos.js";

export interface PodLimits {
  cpuShares?: number;
  /** Microseconds of CPU per period. */
  cpuQuota?: number;
  cpuPeriod?: number;
  /** Bytes. */
  memory?: number;
  pids?: number;
}

/** Absent fields have no bound. Only what the Pod asks for as a whole, and the node's bound on processes. */
export function podLimits({ spec }: Pod, pids: number | undefined): PodLimits {
  const bound = pids === undefined ? {} : { pids };
  if (!spec.resources) return bound;
  const { cpuShares, cpuQuota, cpuPeriod, memoryLimit } = containerResources({ name: "", resources: spec.resources });
  return { ...bound, cpuShares, cpuQuota, cpuPeriod, memory: memoryLimit };
}

/** The Pod's cgroup exists since its sandbox does. @throws Error when a bound cannot be set: without it nothing may start */
export async function limitPod(env: PodEnvironment, pod: Pod): Promise<void> {
  const limits = podLimits(pod, env.podMaxPids);
  if (Object.values(limits).every((value) => value === undefined)) return;
  const path = podCgroup(env.cgroupRoot, qosClass(pod), pod.metadata.uid);
  const { cgroupDriver } = await env.runtime.version();
  if (cgroupDriver === "systemd") {
    await runProgram("systemctl", [
      "set-property",
      "--runtime",
      basename(sliceFolder(path)),
      ...sliceProperties(limits),
    ]);
    return;
  }
  const layout = cgroupLayout();
  for (const { controller, file, value } of limitFiles(layout.version, limits))
    await writeFile(join(cgroupFolder(layout, controller, path), file), value);
}

interface LimitFile {
  controller: string;
  file: string;
  value: string;
}

export function limitFiles(version: CgroupLayout["version"], limits: PodLimits): LimitFile[] {
  const { cpuShares, cpuQuota, cpuPeriod, memory, pids } = limits;
  const files: (LimitFile | undefined)[] =
    version === 2
      ? [
          entry("cpu", "cpu.weight", cpuShares && weightOf(cpuShares)),
          cpuQuota ? { controller: "cpu", file: "cpu.max", value: `${cpuQuota} ${cpuPeriod}` } : undefined,
          entry("memory", "memory.max", memory),
        ]
      : [
          entry("cpu", "cpu.shares", cpuShares),
          entry("cpu", "cpu.cfs_period_us", cpuPeriod),
          entry("cpu", "cpu.cfs_quota_us", cpuQuota),
          entry("memory", "memory.limit_in_bytes", memory),
        ];
  return [...files, entry("pids", "pids.max", pids)].filter((file) => file !== undefined);
}

function entry(controller: string, file: string, value: number | undefined): LimitFile | undefined {
  return value === undefined ? undefined : { controller, file, value: String(value) };
}

/** As container runtimes turn shares (2 to 262144) into a weight (1 to 10000). */
const weightOf = (shares: number) => Math.floor(1 + ((shares - 2) * 9999) / 262142);

/** systemd.resource-control(5) */
export function sliceProperties({ cpuShares, cpuQuota, cpuPeriod = 1, memory, pids }: PodLimits): string[] {
  return [
    ...(cpuShares ? [`CPUWeight=${weightOf(cpuShares)}`] : []),
    ...(cpuQuota ? [`CPUQuota=${(cpuQuota * 100) / cpuPeriod}%`] : []),
    ...(memory ? [`MemoryMax=${memory}`] : []),
    ...(pids === undefined ? [] : [`TasksMax=${pids}`]),
  ];
}
