import type { ContainerCreateOptions, MountSettings } from "dockerode";
import type { ContainerConfig } from "../runtime.js";
import { bindMounts } from "./bind-mounts.js";
import { createNamed } from "./create-named.js";
import type { Engine } from "./engine.js";
import { containerHostConfig } from "./host-config.js";
import * as labels from "./labels.js";
import { containerName } from "./naming.js";

/** Creates the container inside the Pod's sandbox; it does not start it. */
export async function createContainer(engine: Engine, config: ContainerConfig): Promise<string> {
  const name = containerName(config.pod, config.name, config.attempt);
  const options = containerOptions(engine, config, await bindMounts(engine, config.mounts));
  return engine.slots.run(() => createNamed(engine, name, options));
}

function containerOptions(engine: Engine, config: ContainerConfig, mounts: MountSettings[]): ContainerCreateOptions {
  return {
    Image: config.image,
    Entrypoint: config.entrypoint && [...config.entrypoint],
    Cmd: config.args && [...config.args],
    WorkingDir: config.workingDir,
    Env: config.env.map(({ name, value }) => `${name}=${value}`),
    User: config.user,
    Tty: config.tty,
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    StopSignal: config.stopSignal,
    Labels: {
      ...config.labels,
      ...labels.withPrefix(labels.ANNOTATION_PREFIX, config.annotations),
      ...labels.podLabels(engine.nodeName, config.pod),
      [labels.TYPE]: labels.TYPE_CONTAINER,
      [labels.CONTAINER_NAME]: config.name,
      [labels.SANDBOX_ID]: config.sandboxId,
      [labels.IMAGE_REF]: config.imageRef,
    },
    // Kubernetes has probes of its own; the image's health check would only cost.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: containerHostConfig(engine, config, mounts),
  };
}
