/** What the node looks at to see whether it runs out of something. https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/ */

export type Signal =
  | "memory.available"
  | "nodefs.available"
  | "nodefs.inodesFree"
  | "imagefs.available"
  | "imagefs.inodesFree"
  | "pid.available";

export type PressureType = "MemoryPressure" | "DiskPressure" | "PIDPressure";

interface SignalFacts {
  condition: PressureType;
  /** What there is too little of, in messages. */
  resource: "memory" | "ephemeral-storage" | "inodes" | "pids";
  /** Counted, not measured in bytes. */
  counted?: true;
}

export const signals: Readonly<Record<Signal, SignalFacts>> = {
  "memory.available": { condition: "MemoryPressure", resource: "memory" },
  "nodefs.available": { condition: "DiskPressure", resource: "ephemeral-storage" },
  "nodefs.inodesFree": { condition: "DiskPressure", resource: "inodes", counted: true },
  "imagefs.available": { condition: "DiskPressure", resource: "ephemeral-storage" },
  "imagefs.inodesFree": { condition: "DiskPressure", resource: "inodes", counted: true },
  "pid.available": { condition: "PIDPressure", resource: "pids", counted: true },
};

export const DISK_SIGNALS = (Object.keys(signals) as Signal[]).filter(
  (signal) => signals[signal].condition === "DiskPressure",
);

export const isSignal = (text: string): text is Signal => Object.hasOwn(signals, text);

export interface Observation {
  /** In whole units: bytes, inodes, process ids. */
  available: number;
  capacity: number;
}

/** A signal that cannot be told (a file system that counts no inodes) is absent. */
export type Observations = ReadonlyMap<Signal, Observation>;
