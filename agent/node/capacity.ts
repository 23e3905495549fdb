/** What the node has and what Pods may ask for, in the kubelet's units. https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/ */

export interface Resources {
  cores: number;
  /** Bytes. */
  memory: number;
  /** Bytes of the file system that holds the Pods' data. */
  storage: number;
  maxPods: number;
}

export type ResourceList = Record<string, string>;

/** Kept free for the host: where the kubelet's default hard eviction thresholds lie. */
export const RESERVED_MEMORY = 100 * 1024 * 1024;
export const RESERVED_STORAGE_SHARE = 0.1;

const kibibytes = (bytes: number) => `${Math.floor(bytes / 1024)}Ki`;

export function capacity({ cores, memory, storage, maxPods }: Resources): ResourceList {
  return {
    cpu: String(cores),
    "ephemeral-storage": kibibytes(storage),
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    memory: kibibytes(memory),
    pods: String(maxPods),
  };
}

export function allocatable(resources: Resources): ResourceList {
  return {
    ...capacity(resources),
    "ephemeral-storage": String(Math.floor(resources.storage * (1 - RESERVED_STORAGE_SHARE))),
    memory: kibibytes(Math.max(0, resources.memory - RESERVED_MEMORY)),
  };
}
