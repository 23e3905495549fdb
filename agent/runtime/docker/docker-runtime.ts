/** The container runtime on a Docker engine. One file per verb; this one puts them together. */
import type { Logger } from "pino";
import type { LogRotation, Runtime } from "../runtime.js";
import { Slots } from "../slots.js";
import { attach } from "./attach.js";
import { createContainer } from "./container-create.js";
import { inspectContainer, listContainers } from "./container-inspect.js";
import { removeContainer } from "./container-remove.js";
import { startContainer } from "./container-start.js";
import { killContainer, stopContainer } from "./container-stop.js";
import { updateContainer } from "./container-update.js";
import { dialEngine, type Engine, negotiate } from "./engine.js";
import { events } from "./events.js";
import { exec } from "./exec.js";
import { execSync } from "./exec-sync.js";
import { mayLowerOomScore } from "./host-config.js";
import { exportImage } from "./image-export.js";
import { imagesInUse, inspectImage, listImages, pullImage, removeImage } from "./images.js";
import { DEFAULT_LOG_ROTATION } from "./log-rotation.js";
import { logs } from "./logs.js";
import { DEFAULT_SANDBOX_IMAGE, ensureSandboxImage } from "./sandbox-image.js";
import { inspectSandbox, listSandboxes } from "./sandbox-list.js";
import { runSandbox } from "./sandbox-run.js";
import { version } from "./version.js";

export interface DockerRuntimeOptions {
  /** Path of the engine's socket, "/var/run/docker.sock". */
  socketPath: string;
  /** The agent's node: it sees and touches only containers labelled with it. */
  nodeName: string;
  logger: Logger;
  sandboxImage?: string;
  /** How much is kept of what a container writes. */
  containerLogs?: LogRotation;
  /** How many containers are made, started or removed at a time. */
  parallel?: number;
}

/**
 * Connects to the engine, agrees on an API version and sees to the sandbox image.
 * @throws RuntimeError when the engine cannot be reached or is too old
 */
export async function openDockerRuntime(options: DockerRuntimeOptions): Promise<Runtime> {
  const docker = dialEngine(options.socketPath);
  await negotiate(docker);
  const engine: Engine = {
    docker,
    nodeName: options.nodeName,
    sandboxImage: options.sandboxImage ?? DEFAULT_SANDBOX_IMAGE,
    logger: options.logger,
    containerLogs: options.containerLogs ?? DEFAULT_LOG_ROTATION,
    slots: new Slots(options.parallel ?? 12),
    cgroupDriver: (await version(docker)).cgroupDriver,
    outOfMemory: new Set(),
    canLowerOomScore: mayLowerOomScore(),
  };
  await ensureSandboxImage(engine);
  return runtimeOf(engine);
}

function runtimeOf(engine: Engine): Runtime {
  return {
    version: () => version(engine.docker),
    runSandbox: (config) => runSandbox(engine, config),
    stopSandbox: (id) => killContainer(engine, id),
    removeSandbox: (id) => removeContainer(engine, id),
    listSandboxes: () => listSandboxes(engine),
    inspectSandbox: (id) => inspectSandbox(engine, id),
    createContainer: (config) => createContainer(engine, config),
    startContainer: (id) => startContainer(engine, id),
    stopContainer: (id, graceSeconds) => stopContainer(engine, id, graceSeconds),
    updateContainer: (id, resources) => updateContainer(engine, id, resources),
    removeContainer: (id) => removeContainer(engine, id),
    listContainers: (podUid) => listContainers(engine, podUid),
    inspectContainer: (id) => inspectContainer(engine, id),
    execSync: (id, command, timeoutMs) => execSync(engine, id, command, timeoutMs),
    exec: (id, command, streams) => exec(engine, id, command, streams),
    attach: (id, streams) => attach(engine, id, streams),
    logs: (id, logOptions) => logs(engine, id, logOptions),
    pullImage: (image, auth) => pullImage(engine, image, auth),
    inspectImage: (image) => inspectImage(engine, image),
    listImages: () => listImages(engine),
    removeImage: (image) => removeImage(engine, image),
    imagesInUse: () => imagesInUse(engine),
    exportImage: (id, read) => exportImage(engine, id, read),
    events: (onEvent, onEnd) => events(engine, onEvent, onEnd),
  };
}
