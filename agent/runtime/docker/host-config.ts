import { readFileSync } from "node:fs";
import type { HostConfig, MountSettings } from "dockerode";
import type { ContainerConfig } from "../runtime.js";
import { cgroupParent } from "./cgroup-parent.js";
import type { Engine } from "./engine.js";
import { logConfig } from "./log-rotation.js";
import { privilegedConfig } from "./privileged.js";

const CAP_SYS_RESOURCE = 24n;

/**
 * Whether this host lets a process be made less likely to be killed than others. Read from our own capabilities: agent
 * and engine normally have the same; where they do not, the first sandbox that cannot start says so.
 */
export function mayLowerOomScore(procStatus = readFileSync("/proc/self/status", "utf8")): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(procStatus)?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
}

/** A score the host accepts, or undefined to leave the engine's default. */
export function acceptedOomScore(engine: Engine, score: number | undefined): number | undefined {
  return score !== undefined && score < 0 && !engine.canLowerOomScore ? undefined : score;
}

/** Did the container fail to start because the host refuses its oom_score_adj? */
export function isOomScoreRefusal(message: string): boolean {
  return /oom_score_adj.*(permission denied|operation not permitted|invalid argument)/i.test(message);
}

export function containerHostConfig(engine: Engine, config: ContainerConfig, mounts: MountSettings[]): HostConfig {
  const sandbox = `container:${config.sandboxId}`;
  const { resources } = config;
  return {
    NetworkMode: sandbox,
    IpcMode: config.ipcNamespace === "host" ? "host" : sandbox,
    PidMode: pidMode(config),
    CgroupParent: cgroupParent(config.cgroupParent, engine.cgroupDriver),
    Runtime: config.runtimeHandler,
    Mounts: mounts,
    LogConfig: logConfig(engine.containerLogs),
    RestartPolicy: { Name: "no" },
    CpuShares: resources.cpuShares,
    CpuQuota: resources.cpuQuota,
    CpuPeriod: resources.cpuPeriod,
    Memory: resources.memoryLimit,
    // The same as Memory: no swap, as Kubernetes has it.
    MemorySwap: resources.memoryLimit,
    OomScoreAdj: acceptedOomScore(engine, config.oomScoreAdj),
    GroupAdd: [...config.groupAdd],
    ReadonlyRootfs: config.readOnlyRootFilesystem,
    CapAdd: [...config.capabilities.add],
    CapDrop: [...config.capabilities.drop],
    SecurityOpt: [...config.securityOptions],
    ...(config.unmaskedProc ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    ...privilegedConfig(engine, config),
  };
}

function pidMode({ pidNamespace, sandboxId }: ContainerConfig): string {
  if (typeof pidNamespace === "object") return `container:${pidNamespace.container}`;
  if (pidNamespace === "pod") return `container:${sandboxId}`;
  return pidNamespace === "host" ? "host" : "";
}
