import type { ContainerInspectInfo } from "dockerode";
import type { Sandbox } from "../runtime.js";
import { call, callOrUndefined, type Engine } from "./engine.js";
import { instant } from "./instant.js";
import { labelFilter, NODE, podOfLabels, TYPE, TYPE_SANDBOX } from "./labels.js";
import { parseContainerName } from "./naming.js";

/** All sandboxes of this agent. The list does not tell process ids: `pid` is 0, ask `inspectSandbox`. */
export async function listSandboxes(engine: Engine): Promise<Sandbox[]> {
  const filters = labelFilter({ [NODE]: engine.nodeName, [TYPE]: TYPE_SANDBOX });
  const found = await call(() => engine.docker.listContainers({ all: true, filters }));
  return found.map((item) => ({
    id: item.Id,
    pod: podOfLabels(item.Labels),
    attempt: parseContainerName(item.Names[0] ?? "")?.attempt ?? 0,
    running: item.State === "running",
    pid: 0,
    hostNetwork: item.HostConfig.NetworkMode === "host",
    createdAt: item.Created * 1000,
    labels: item.Labels,
  }));
}

export async function inspectSandbox(engine: Engine, id: string): Promise<Sandbox | undefined> {
  const found = await callOrUndefined(() => engine.docker.getContainer(id).inspect());
  return found && sandboxOf(found);
}

function sandboxOf(found: ContainerInspectInfo): Sandbox {
  return {
    id: found.Id,
    pod: podOfLabels(found.Config.Labels),
    attempt: parseContainerName(found.Name)?.attempt ?? 0,
    running: found.State.Running && hasBegun(found),
    pid: found.State.Pid,
    hostNetwork: found.HostConfig.NetworkMode === "host",
    createdAt: Date.parse(found.Created),
    labels: found.Config.Labels,
  };
}

/** An engine killed while it started a container may take one for running whose program never began. */
const hasBegun = ({ State }: ContainerInspectInfo) => instant(State.StartedAt) > 0;
