import { access, constants } from "node:fs/promises";
import type { ContainerImage } from "#api/generated/types.js";
import type { PressureType } from "../eviction/signals.js";
import type { Runtime } from "../runtime/runtime.js";
import { nodeImages } from "./node-images.js";
import { fixedStatus, type NodeFacts } from "./node-object.js";
import type { NodeObservation } from "./node-status.js";

export interface NodeObserverOptions {
  facts: NodeFacts;
  runtime: Runtime;
  /** What keeps Pods from running, besides the engine, a sentence each. */
  otherProblems(): Promise<readonly string[]>;
  /** The agent's data. */
  folder: string;
  /** What the node is short of. */
  pressures(): ReadonlySet<PressureType>;
  /** Milliseconds on a clock that is never set. */
  monotonic(): number;
}

/** Listing images costs the engine more than the rest together; they change seldom. */
const IMAGES_EVERY_MS = 60_000;
const ENGINE_TIMEOUT_MS = 5_000;

/** Looks at the node: engine, network, pressure, images. */
export function nodeObserver(options: NodeObserverOptions): () => Promise<NodeObservation> {
  let { facts } = options;
  let images: { list: ContainerImage[]; at: number } = { list: [], at: Number.NEGATIVE_INFINITY };

  return async () => {
    const problems: string[] = [];
    try {
      facts = { ...facts, runtime: await soon(options.runtime.version()) };
      if (options.monotonic() - images.at >= IMAGES_EVERY_MS) {
        images = { list: nodeImages(await soon(options.runtime.listImages())), at: options.monotonic() };
      }
    } catch (error) {
      problems.push(`container runtime is down: ${(error as Error).message}`);
    }
    problems.push(...(await options.otherProblems()), ...(await unwritable(options.folder)));
    const health = { problems, pressures: options.pressures() };
    return { fixed: fixedStatus(facts), health, images: images.list };
  };
}

/** An engine that hangs is as down as one that is gone. */
function soon<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the engine does not answer")), ENGINE_TIMEOUT_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** A file system with errors is often left read-only by the kernel. */
async function unwritable(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return [];
  try {
    await access(folder, constants.W_OK);
    return [];
  } catch (error) {
    return [`the node's data cannot be written: ${(error as Error).message}`];
  }
}
