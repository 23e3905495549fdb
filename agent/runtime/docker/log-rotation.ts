import type { HostConfig } from "dockerode";
import type { LogRotation } from "../runtime.js";

/** Kubernetes' defaults. */
export const DEFAULT_LOG_ROTATION: LogRotation = { maxSize: 10 * 1024 * 1024, maxFiles: 5 };

/** In bytes, since the engine takes "10m" for ten million. */
export function logConfig({ maxSize, maxFiles }: LogRotation): HostConfig["LogConfig"] {
  return { Type: "json-file", Config: { "max-size": String(maxSize), "max-file": String(maxFiles) } };
}
