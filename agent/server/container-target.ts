/** Finds the container a request is about, or says why there is none, in the kubelet's words. */
import type { ContainerState, ContainerStatus, Pod } from "#api/generated/types.js";
import { badRequest, StatusError } from "#api/status-error.js";
import type { PodDirectory } from "./pod-directory.js";

export interface PodPath {
  namespace: string;
  pod: string;
}

export interface ContainerPath extends PodPath {
  container: string;
}

export function findPod(pods: PodDirectory, { namespace, pod: name }: PodPath): Pod {
  const pod = pods.find(namespace, name);
  if (!pod) throw new StatusError(404, "NotFound", "pod does not exist");
  return pod;
}

function findContainersPod(pods: PodDirectory, path: ContainerPath): Pod {
  const pod = findPod(pods, path);
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const known = [...initContainers, ...containers, ...ephemeralContainers];
  if (!known.some(({ name }) => name === path.container)) {
    throw new StatusError(404, "NotFound", `container ${path.container} not found in pod ${path.pod}`);
  }
  return pod;
}

/** Id of the container a command can be run in: it is running now. */
export function runningContainer(pods: PodDirectory, path: ContainerPath): string {
  const status = statusOf(findContainersPod(pods, path), path.container);
  const id = status?.state?.running ? pods.containerId(path.namespace, path.pod, path.container) : undefined;
  if (!id) throw new StatusError(404, "NotFound", `container not found ("${path.container}")`);
  return id;
}

/** Id of the container whose log is wanted: the running one, else the one that ended last. */
export function loggedContainer(pods: PodDirectory, path: ContainerPath, previous: boolean): string {
  const status = statusOf(findContainersPod(pods, path), path.container);
  const id = previous ? previousId(status) : currentId(status);
  const known = id && pods.containerId(path.namespace, path.pod, path.container, previous);
  if (known) return known;
  throw badRequest(whyNoLog(path, status, previous));
}

function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find(
    ({ name }) => name === container,
  );
}

const previousId = (status?: ContainerStatus) => status?.lastState?.terminated?.containerID;

function currentId(status?: ContainerStatus): string | undefined {
  if (status?.state?.running) return status.containerID;
  return status?.state?.terminated?.containerID || previousId(status);
}

function whyNoLog({ pod, container }: ContainerPath, status: ContainerStatus | undefined, previous: boolean): string {
  const which = `container "${container}" in pod "${pod}"`;
  if (!status) return `${which} is not available`;
  if (previous) return `previous terminated ${which} not found`;
  return `${which} ${stateWords(status.state ?? {})}`;
}

function stateWords(state: ContainerState): string {
  if (state.terminated) return "is terminated";
  if (!state.waiting) return "is waiting to start - no logs yet";
  switch (state.waiting.reason) {
    case "ErrImagePull":
      return "is waiting to start: image can't be pulled";
    case "ImagePullBackOff":
      return "is waiting to start: trying and failing to pull image";
    default:
      return `is waiting to start: ${state.waiting.reason ?? ""}`;
  }
}
