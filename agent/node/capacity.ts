/** What the node has and what Pods may ask for, in the kubelet's units. https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/ */
import { quantityMilli, quantityValue } from "#api/quantity.js";
import type { NodeCapacity } from "../pods/downward-fields.js";

export interface Resources {
  /** May be a part of one. */
  cores: number;
  /** Bytes. */
  memory: number;
  /** Bytes of the file system that holds the Pods' data. */
  storage: number;
  maxPods: number;
  /** Kept from Pods. */
  reserved: Reserved;
  /** How many huge pages there are, by their size in KiB. */
  hugePages?: ReadonlyMap<number, number>;
}

export interface Reserved {
  milliCpu: number;
  /** Bytes. */
  memory: number;
  storage: number;
}

export type ResourceList = Record<string, string>;

const cpuQuantity = (milli: number) => (milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`);
const kibibytes = (bytes: number) => `${Math.floor(bytes / 1024)}Ki`;

export function capacity({ cores, memory, storage, maxPods, hugePages }: Resources): ResourceList {
  return {
    cpu: cpuQuantity(cores * 1000),
    "ephemeral-storage": kibibytes(storage),
    ...hugePageList(hugePages),
    memory: kibibytes(memory),
    pods: String(maxPods),
  };
}

/** The same as plain numbers: what the node promises to Pods, and tells them as the limit where they have none. */
export function forPods(resources: Resources): NodeCapacity {
  const list = allocatable(resources);
  return {
    milliCpu: quantityMilli(list["cpu"]),
    memory: quantityValue(list["memory"]),
    storage: quantityValue(list["ephemeral-storage"]),
    pods: resources.maxPods,
  };
}

/** Huge pages are taken out of the memory for ordinary ones. */
export function allocatable(resources: Resources): ResourceList {
  const { cores, memory, storage, reserved, hugePages = new Map<number, number>() } = resources;
  const inHugePages = [...hugePages].reduce((sum, [size, count]) => sum + size * count * 1024, 0);
  const milliCpu = Math.max(0, cores * 1000 - reserved.milliCpu);
  return {
    ...capacity(resources),
    cpu: cpuQuantity(milliCpu),
    "ephemeral-storage": String(Math.max(0, storage - reserved.storage)),
    memory: kibibytes(Math.max(0, memory - reserved.memory - inHugePages)),
  };
}

/** The sizes of x86 are named also where there are none, as people look for them. */
function hugePageList(pages: ReadonlyMap<number, number> = new Map()): ResourceList {
  const list: ResourceList = { "hugepages-1Gi": "0", "hugepages-2Mi": "0" };
  for (const [size, count] of pages) list[`hugepages-${binary(size)}`] = count === 0 ? "0" : binary(size * count);
  return list;
}

/** KiB as a quantity: 2048 is "2Mi". */
function binary(kib: number): string {
  if (kib % 1024 ** 2 === 0) return `${kib / 1024 ** 2}Gi`;
  return kib % 1024 === 0 ? `${kib / 1024}Mi` : `${kib}Ki`;
}
