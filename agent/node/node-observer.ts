import type { ContainerImage } from "#api/generated/types.js";
import type { Runtime, RuntimeVersion } from "../runtime/runtime.js";
import { nodeImages } from "./node-images.js";
import { fixedStatus, type NodeFacts } from "./node-object.js";
import type { NodeObservation } from "./node-status.js";
import { measurePressure } from "./pressure.js";

export interface NodeObserverOptions {
  facts: NodeFacts;
  runtime: Runtime;
  /** What keeps Pods from running, besides the engine; undefined when nothing does. */
  networkProblem(): Promise<string | undefined>;
  /** Folders on the file systems that Pods fill. */
  folders: readonly string[];
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
    const version = await engineVersion(options.runtime).catch((error: Error) => {
      problems.push(`container runtime is down: ${error.message}`);
      return undefined;
    });
    if (version) {
      facts = { ...facts, runtime: version };
      if (options.monotonic() - images.at >= IMAGES_EVERY_MS) {
        images = { list: nodeImages(await options.runtime.listImages()), at: options.monotonic() };
      }
    }
    const network = await options.networkProblem();
    if (network) problems.push(network);
    const pressure = await measurePressure(options.folders);
    return { fixed: fixedStatus(facts), health: { problems, pressure }, images: images.list };
  };
}

/** An engine that hangs is as down as one that is gone. */
function engineVersion(runtime: Runtime): Promise<RuntimeVersion> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the engine does not answer")), ENGINE_TIMEOUT_MS);
    runtime
      .version()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
