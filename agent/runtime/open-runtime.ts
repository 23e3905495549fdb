import type { Clock } from "#client/clock.js";
import { type DockerRuntimeOptions, openDockerRuntime } from "./docker/docker-runtime.js";
import { type Runtime, RuntimeError } from "./runtime.js";

const RETRY_MS = 1_000;
const TELL_EVERY = 10;

/** Connects to the engine, and waits for one that is not there yet, saying so. @throws RuntimeError when it is too old */
export async function openRuntime(options: DockerRuntimeOptions, clock: Clock): Promise<Runtime> {
  for (let failures = 0; ; failures++) {
    try {
      return await openDockerRuntime(options);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== 0 || !/cannot reach/.test(error.message)) throw error;
      if (failures % TELL_EVERY === 0) {
        options.logger.warn({ socket: options.socketPath }, `waiting for the Docker engine: ${error.message}`);
      }
    }
    await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
  }
}
