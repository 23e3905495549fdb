import type { ContainerInfo, ContainerInspectInfo } from "dockerode";
import type { ContainerState, ContainerSummary } from "../runtime.js";
import { call, callOrUndefined, type Engine } from "./engine.js";
import { instant } from "./instant.js";
import * as labels from "./labels.js";
import { parseContainerName } from "./naming.js";

export async function listContainers(engine: Engine, podUid?: string): Promise<ContainerSummary[]> {
  const wanted: Record<string, string> = { [labels.NODE]: engine.nodeName, [labels.TYPE]: labels.TYPE_CONTAINER };
  if (podUid) wanted[labels.POD_UID] = podUid;
  const filters = labels.labelFilter(wanted);
  const found = await call(() => engine.docker.listContainers({ all: true, filters }));
  return found.map(summaryOf);
}

export async function inspectContainer(engine: Engine, id: string): Promise<ContainerState | undefined> {
  const found = await callOrUndefined(() => engine.docker.getContainer(id).inspect());
  if (!found) return undefined;
  const state = stateOf(found);
  // The engine itself forgets it when it hears of the container's end first.
  return { ...state, oomKilled: state.oomKilled || engine.outOfMemory.has(id) };
}

function summaryOf(item: ContainerInfo): ContainerSummary {
  return {
    id: item.Id,
    pod: labels.podOfLabels(item.Labels),
    name: item.Labels[labels.CONTAINER_NAME] ?? "",
    attempt: parseContainerName(item.Names[0] ?? "")?.attempt ?? 0,
    sandboxId: item.Labels[labels.SANDBOX_ID] ?? "",
    state: stateName(item.State),
    createdAt: item.Created * 1000,
    labels: item.Labels,
  };
}

function stateOf(found: ContainerInspectInfo): ContainerState {
  const { State: state, Config: config, HostConfig: host } = found;
  return {
    id: found.Id,
    pod: labels.podOfLabels(config.Labels),
    name: config.Labels[labels.CONTAINER_NAME] ?? "",
    attempt: parseContainerName(found.Name)?.attempt ?? 0,
    sandboxId: config.Labels[labels.SANDBOX_ID] ?? "",
    state: stateName(state.Status),
    createdAt: Date.parse(found.Created),
    labels: config.Labels,
    image: config.Image,
    imageRef: config.Labels[labels.IMAGE_REF] ?? config.Image,
    imageId: found.Image,
    pid: state.Pid,
    startedAt: instant(state.StartedAt),
    finishedAt: instant(state.FinishedAt),
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    resources: {
      cpuShares: host.CpuShares || undefined,
      // -1 is how an update says "none".
      cpuQuota: Math.max(0, host.CpuQuota ?? 0) || undefined,
      cpuPeriod: host.CpuPeriod || undefined,
      memoryLimit: host.Memory || undefined,
    },
    error: state.Error,
    annotations: labels.withoutPrefix(labels.ANNOTATION_PREFIX, config.Labels),
    // Overlay file systems have it; with others (btrfs, vfs) a container's own part cannot be told from its image's.
    writableLayer: (found.GraphDriver?.Data as Record<string, string> | null)?.["UpperDir"],
    logPath: found.LogPath || undefined,
  };
}

function stateName(status: string): ContainerSummary["state"] {
  switch (status) {
    case "created":
      return "created";
    case "running":
    case "paused":
    case "restarting":
      return "running";
    case "exited":
    case "dead":
    case "removing":
      return "exited";
    default:
      return "unknown";
  }
}
