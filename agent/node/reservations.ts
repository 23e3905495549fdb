/** What a node keeps from Pods: for the host, for itself, and so much that evictions do not begin at once. */
import { quantityMilli, quantityValue } from "#api/quantity.js";
import { keptFree, type Threshold } from "../eviction/thresholds.js";
import type { Reserved, Resources } from "./capacity.js";

export interface ReservationFlags {
  kubeReserved?: string;
  systemReserved?: string;
}

const KNOWN = ["cpu", "memory", "ephemeral-storage", "pid"];

/** @throws Error that names the flag and what is wrong with it */
export function reservations(
  { kubeReserved = "", systemReserved = "" }: ReservationFlags,
  thresholds: readonly Threshold[],
  { memory, storage }: Pick<Resources, "memory" | "storage">,
): Reserved {
  const lists = [parse("--kube-reserved", kubeReserved), parse("--system-reserved", systemReserved)];
  const sum = (read: (list: Map<string, string>) => number) => lists.reduce((total, list) => total + read(list), 0);
  return {
    milliCpu: sum((list) => quantityMilli(list.get("cpu"))),
    memory: sum((list) => quantityValue(list.get("memory"))) + keptFree(thresholds, "memory.available", memory),
    storage:
      sum((list) => quantityValue(list.get("ephemeral-storage"))) + keptFree(thresholds, "nodefs.available", storage),
  };
}

/** What the node has of its host, where it has not all of it. @throws Error that says what is wrong with the flag */
export function ownPart(text: string, host: { cores: number; memory: number }): { cores: number; memory: number } {
  const list = parse("--node-capacity", text);
  const [cpu, memory] = [list.get("cpu"), list.get("memory")];
  return {
    cores: cpu === undefined ? host.cores : quantityMilli(cpu) / 1000,
    memory: memory === undefined ? host.memory : quantityValue(memory),
  };
}

function parse(flag: string, text: string): Map<string, string> {
  const list = new Map<string, string>();
  for (const part of text.split(",").filter(Boolean)) {
    const [name = "", amount = ""] = part.split("=").map((word) => word.trim());
    if (!KNOWN.includes(name)) throw new Error(`${flag}: "${part}" is not RESOURCE=QUANTITY of ${KNOWN.join(", ")}`);
    try {
      quantityValue(amount);
    } catch {
      throw new Error(`${flag}: "${amount}" is no quantity`);
    }
    list.set(name, amount);
  }
  return list;
}
