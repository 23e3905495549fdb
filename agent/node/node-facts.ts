import { join } from "node:path";
import { GIT_VERSION } from "#api/version.js";
import type { AgentOptions } from "../agent-options.js";
import { parseThresholds } from "../eviction/thresholds.js";
import { hugePages } from "../host/huge-pages.js";
import { readMachine } from "../host/machine.js";
import type { Runtime } from "../runtime/runtime.js";
import { fileSystemUsage } from "../stats/disk-usage.js";
import type { NodeFacts } from "./node-object.js";
import { ownPart, reservations } from "./reservations.js";

export interface NodeBase {
  /** The agent's folder, on the file system of the Pods' data. */
  folder: string;
  machineId: string;
  address: string;
  runtime: Runtime;
}

/** Finds out what the node is. @throws Error when a flag cannot be read */
export async function nodeFacts(
  options: AgentOptions,
  { folder, machineId, address, runtime }: NodeBase,
): Promise<NodeFacts> {
  const machine = readMachine(machineId);
  const { maxPods, labels, kubeletPort } = options;
  const { cores, memory } = ownPart(options.nodeCapacity ?? "", machine);
  const storage = (await fileSystemUsage(folder)).capacity;
  const reserved = reservations(options, parseThresholds(options), { memory, storage });
  return {
    name: options.nodeName,
    addresses: [address],
    machine,
    machineId,
    runtime: await runtime.version(),
    resources: { cores, memory, storage, maxPods, reserved, hugePages: await hugePages() },
    version: GIT_VERSION,
    kubeletPort,
    labels,
    // Beside the agent's own state: what Pods have stored is not that.
    localStorage: join(options.dataDir, "storage"),
  };
}
