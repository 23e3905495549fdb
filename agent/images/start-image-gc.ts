import type { Logger } from "pino";
import type { Clock } from "#client/clock.js";
import type { Runtime } from "../runtime/runtime.js";
import { fileSystemUsage } from "../stats/disk-usage.js";
import { ImageGarbageCollector, type ImageGcPolicy } from "./image-gc.js";
import type { ImageRecords } from "./image-records.js";

export interface StartImageGcOptions {
  runtime: Runtime;
  records: ImageRecords;
  policy?: ImageGcPolicy;
  /** Ids of images that Pods are about to use. */
  wanted(): ReadonlySet<string>;
  /** Records an Event about the Node. */
  say(type: "Warning", reason: string, message: string): void;
  clock: Clock;
  logger: Logger;
  /** Milliseconds. */
  period?: number;
}

/** Looks after the file system that the engine keeps its images on, wherever its root directory is by then. */
export function startImageGc(options: StartImageGcOptions): ImageGarbageCollector {
  const { runtime } = options;
  const disk = async () => fileSystemUsage((await runtime.version()).rootDirectory);
  const collector = new ImageGarbageCollector({ ...options, disk });
  collector.start();
  return collector;
}
