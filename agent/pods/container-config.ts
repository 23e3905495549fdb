import { chmod, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Container, EphemeralContainer, Pod } from "#api/generated/types.js";
import { makeFolders } from "../host/make-folders.js";
import type { ContainerConfig, ContainerMount, ImageInfo, Sandbox } from "../runtime/runtime.js";
import type { PreparedVolumes } from "../volumes/volume-manager.js";
import { ContainerConfigError, containerEnv, type EnvSources } from "./container-env.js";
import { type SubPathMounter, volumeMounts } from "./container-mounts.js";
import { containerResources, oomScoreAdj, unclaimedMemory } from "./container-resources.js";
import { containerUser } from "./container-user.js";
import { isNodeCritical } from "./critical.js";
import { podCgroup } from "./pod-cgroup.js";
import type { PodDirectories } from "./pod-directories.js";
import { qosClass } from "./qos.js";
import { RESTART_DELAY_LABEL } from "./restart-backoff.js";
import { securityOptions } from "./security-options.js";
import { expandVariables } from "./variable-expansion.js";

export interface ContainerConfigInput {
  pod: Pod;
  container: Container;
  attempt: number;
  /** Milliseconds that the start was held back; absent for a first start. */
  restartDelay?: number;
  sandbox: Sandbox;
  image: ImageInfo;
  /** The image as the engine finds it. */
  imageReference: string;
  /** Engine's id of the container whose processes it is to see. */
  target?: string;
  volumes: PreparedVolumes;
  mountSubPath: SubPathMounter;
  env: EnvSources;
  directories: PodDirectories;
  cgroupRoot: string;
}

/** Labels of a container that the agent reads back when the Pod itself is gone from the API. */
export const GRACE_LABEL = "io.kubernetes.pod.terminationGracePeriod";
export const RUNTIME_HANDLER_LABEL = "io.berth.runtime-handler";
export const TERMINATION_PATH_LABEL = "io.berth.termination-message-path";

/** Everything the engine has to be told about one start of one container. @throws ContainerConfigError */
export async function containerConfig(input: ContainerConfigInput): Promise<ContainerConfig> {
  const { pod, container, sandbox, image } = input;
  const env = await containerEnv(pod, container, input.env);
  const expand = (text: string) => expandVariables(text, (name) => env.get(name));
  const security = container.securityContext;
  const qos = qosClass(pod);
  const { uid } = pod.metadata;
  return {
    pod: sandbox.pod,
    sandboxId: sandbox.id,
    name: container.name,
    attempt: input.attempt,
    image: input.imageReference,
    imageRef: container.image ?? "",
    entrypoint: container.command?.length ? container.command.map(expand) : undefined,
    args: container.args?.length ? container.args.map(expand) : undefined,
    workingDir: container.workingDir || undefined,
    env: [...env].map(([name, value]) => ({ name, value })),
    mounts: [...(await volumeMounts(container, input.volumes, env, input.mountSubPath)), ...(await ownMounts(input))],
    resources: containerResources(container, pod.spec.resources),
    cgroupParent: podCgroup(input.cgroupRoot, qos, uid),
    runtimeHandler: sandbox.labels[RUNTIME_HANDLER_LABEL],
    pidNamespace: pidNamespace(input),
    ipcNamespace: pod.spec.hostIPC ? "host" : "pod",
    ...containerUser(pod, container, image.user),
    stopSignal: container.lifecycle?.stopSignal,
    tty: container.tty ?? false,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    privileged: security?.privileged ?? false,
    readOnlyRootFilesystem: security?.readOnlyRootFilesystem ?? false,
    capabilities: { add: security?.capabilities?.add ?? [], drop: security?.capabilities?.drop ?? [] },
    securityOptions: await securityOptions(pod, container, input.directories.seccompProfiles),
    unmaskedProc: security?.procMount === "Unmasked",
    oomScoreAdj: oomScoreAdj(
      isNodeCritical(pod) ? "Guaranteed" : qos,
      container,
      input.env.capacity.memory,
      unclaimedMemory(pod),
    ),
    labels: containerLabels(input),
    annotations: {},
  };
}

function pidNamespace({ pod, container, target }: ContainerConfigInput): ContainerConfig["pidNamespace"] {
  if (pod.spec.hostPID) return "host";
  if (pod.spec.shareProcessNamespace) return "pod";
  const { targetContainerName } = container as EphemeralContainer;
  if (!targetContainerName) return "container";
  if (!target) throw new ContainerConfigError(`unable to find target container "${targetContainerName}"`);
  return { container: target };
}

function containerLabels({ pod, container, restartDelay }: ContainerConfigInput): Record<string, string> {
  const labels: Record<string, string> = { [TERMINATION_PATH_LABEL]: terminationPath(container) };
  if (restartDelay !== undefined) labels[RESTART_DELAY_LABEL] = String(restartDelay);
  const grace = pod.spec.terminationGracePeriodSeconds;
  if (grace !== undefined) labels[GRACE_LABEL] = String(grace);
  return labels;
}

function terminationPath(container: Container): string {
  return container.terminationMessagePath ?? "/dev/termination-log";
}

/** The files the agent manages for a container, unless the Pod mounts something there itself. */
async function ownMounts({ pod, container, attempt, directories }: ContainerConfigInput): Promise<ContainerMount[]> {
  const { uid } = pod.metadata;
  const log = directories.terminationLog(uid, container.name, attempt);
  await makeFolders(dirname(log));
  await writeFile(log, "");
  // Whatever user the container runs as.
  await chmod(log, 0o666);
  const mounts = [
    { hostPath: directories.hostsFile(uid), containerPath: "/etc/hosts", readOnly: false },
    { hostPath: directories.resolvConf(uid), containerPath: "/etc/resolv.conf", readOnly: false },
    { hostPath: log, containerPath: terminationPath(container), readOnly: false },
  ];
  const taken = new Set((container.volumeMounts ?? []).map(({ mountPath }) => mountPath));
  return mounts.filter(({ containerPath }) => !taken.has(containerPath));
}
