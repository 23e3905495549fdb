import { join } from "node:path";
import type { Container, Pod } from "#api/generated/types.js";
import type { ImageRequest, ImageState } from "../images/image-manager.js";
import { type ContainerState, RuntimeError, type Sandbox } from "../runtime/runtime.js";
import type { Waiting } from "../status/container-status.js";
import type { PreparedVolumes } from "../volumes/volume-manager.js";
import { containerConfig } from "./container-config.js";
import { ContainerConfigError, type EnvSources } from "./container-env.js";
import { readEnvFile } from "./env-file.js";
import type { PlannedStart } from "./plan.js";
import type { PodEnvironment } from "./pod-environment.js";
import { pullCredentials } from "./pull-credentials.js";
import { serviceVariables } from "./service-env.js";

export interface StartOrder {
  pod: Pod;
  planned: PlannedStart;
  sandbox: Sandbox;
  volumes: PreparedVolumes;
  podIPs: readonly string[];
  /** Engine's id of the container whose processes it is to see. */
  target?: string;
  wake(): void;
}

/** What came of it. `waiting` is for the status; `retryAt` absent: a wake will come, or try again with back-off. */
export type StartOutcome =
  | { started: ContainerState }
  | { waiting: Waiting | undefined; retryAt?: number; failed: boolean; created?: string };

/** Brings one container from nothing to running, as far as it gets now. Says in Events what happened. */
export async function startContainer(env: PodEnvironment, order: StartOrder): Promise<StartOutcome> {
  const { planned } = order;
  if (planned.createdId) return launch(env, order, planned.createdId);
  const image = await env.images.ensure(imageRequest(env, order));
  if (image.state === "pulling") return { waiting: undefined, failed: false };
  if (image.state === "failed") return imageFailure(env, order, image);
  const id = await create(env, order, image);
  return typeof id === "string" ? launch(env, order, id) : id;
}

function say(env: PodEnvironment, { pod, planned }: StartOrder) {
  return (type: "Normal" | "Warning", reason: string, message: string) =>
    env.events.container(pod, planned.container, type, reason, message);
}

const startKey = ({ planned }: StartOrder) => `${planned.container.name}/${planned.attempt}`;

function imageRequest(env: PodEnvironment, order: StartOrder): ImageRequest {
  const { pod, planned } = order;
  const { image = "", imagePullPolicy } = planned.container;
  return {
    podUid: pod.metadata.uid,
    startKey: startKey(order),
    image,
    policy: (imagePullPolicy as ImageRequest["policy"]) ?? "IfNotPresent",
    credentials: () => pullCredentials(env, pod, image),
    wake: order.wake,
    say: say(env, order),
  };
}

/** Reads each file once for a start, however many variables come from it. */
function envFiles({ pod, volumes }: StartOrder): EnvSources["envFile"] {
  const read = new Map<string, ReturnType<typeof readEnvFile>>();
  return async (name, path) => {
    const isEmptyDir = pod.spec.volumes?.some((volume) => volume.name === name && volume.emptyDir);
    const prepared = volumes.get(name);
    if (!isEmptyDir || !prepared) throw new Error("the volume is no emptyDir");
    const file = join(prepared.path, path);
    const found = read.get(file) ?? readEnvFile(prepared.path, path);
    read.set(file, found);
    return found;
  };
}

function imageFailure(
  env: PodEnvironment,
  order: StartOrder,
  { reason, message, retryAt }: Extract<ImageState, { state: "failed" }>,
): StartOutcome {
  if (reason === "InvalidImageName") say(env, order)("Warning", "InspectFailed", message);
  if (reason === "ErrImageNeverPull") say(env, order)("Warning", "ErrImageNeverPull", message);
  if (reason === "InvalidImageName" || reason === "ErrImageNeverPull")
    say(env, order)("Warning", "Failed", `Error: ${reason}`);
  return { waiting: { reason, message }, retryAt, failed: retryAt === undefined };
}

async function create(
  env: PodEnvironment,
  order: StartOrder,
  image: Extract<ImageState, { state: "ready" }>,
): Promise<string | StartOutcome> {
  const { pod, planned, sandbox, volumes, podIPs, target } = order;
  const namespace = pod.metadata.namespace ?? "";
  try {
    const config = await containerConfig({
      ...planned,
      pod,
      sandbox,
      volumes,
      mountSubPath: (request) => env.volumes.mountSubPath(pod.metadata.uid, request),
      target,
      image: image.image,
      imageReference: image.reference,
      directories: env.directories,
      cgroupRoot: env.cgroupRoot,
      env: {
        addresses: { podIPs, hostIPs: env.nodeIPs },
        capacity: env.capacity,
        configMap: (name) => env.config.configMap(namespace, name),
        secret: (name) => env.config.secret(namespace, name),
        envFile: envFiles(order),
        services: await serviceVariables(pod, env.services),
      },
    });
    const id = await env.runtime.createContainer(config);
    say(env, order)("Normal", "Created", `Created container: ${planned.container.name}`);
    env.images.forgetStart(pod.metadata.uid, startKey(order));
    return id;
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof RuntimeError && error.code === 404) env.images.invalidate(pod.metadata.uid);
    say(env, order)("Warning", "Failed", `Error: ${message}`);
    const reason = error instanceof ContainerConfigError ? "CreateContainerConfigError" : "CreateContainerError";
    return { waiting: { reason, message }, failed: true };
  }
}

async function launch(env: PodEnvironment, order: StartOrder, id: string): Promise<StartOutcome> {
  const { name } = order.planned.container;
  try {
    await env.runtime.startContainer(id);
  } catch (error) {
    const message = `failed to start container "${name}": ${(error as Error).message}`;
    say(env, order)("Warning", "Failed", `Error: ${message}`);
    return { waiting: { reason: "RunContainerError", message }, failed: true, created: id };
  }
  say(env, order)("Normal", "Started", `Started container ${name}`);
  const started = await env.runtime.inspectContainer(id);
  if (!started) return { waiting: undefined, failed: true, created: id };
  return { started };
}

/** The container of the spec with that name, of any kind. */
export function containerSpec(pod: Pod | undefined, name: string): Container | undefined {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod?.spec ?? {};
  return [...containers, ...initContainers, ...(ephemeralContainers as Container[])].find((c) => c.name === name);
}
