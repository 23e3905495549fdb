/** What the node, its Pods and their containers use at one moment, read from cgroup files: the engine is not asked. */
import type { ContainerStatus, Pod } from "#api/generated/types.js";
import { type CgroupLayout, sliceFolder } from "../host/cgroup-layout.js";
import { podCgroup } from "../pods/pod-cgroup.js";
import { qosClass } from "../pods/qos.js";
import { type CgroupUsage, cgroupUsage } from "./cgroup-usage.js";
import { nodeUsage } from "./node-usage.js";

export interface StatsSource {
  nodeName: string;
  /** With their status as this node sees it: which containers run is known from there. */
  pods(): readonly Pod[];
  layout: CgroupLayout;
  driver: "cgroupfs" | "systemd";
  /** The node's own cgroup root: "/" unless several nodes share the host. */
  cgroupRoot: string;
  /** Milliseconds since the epoch. */
  now(): number;
}

export interface Readings {
  /** Milliseconds since the epoch. */
  at: number;
  node: CgroupUsage;
  pods: PodReading[];
  /** Cgroups that are there and could not be read. */
  failures: Error[];
}

export interface PodReading {
  pod: Pod;
  usage: CgroupUsage;
  /** Those that run. */
  containers: ContainerReading[];
}

export interface ContainerReading {
  name: string;
  /** The engine's. */
  id: string;
  /** As the Pod names it. */
  image: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  usage: CgroupUsage;
}

/** Pods without a cgroup (they have ended, or have yet to begin) are left out. */
export async function takeReadings(source: StatsSource): Promise<Readings> {
  const failures: Error[] = [];
  const read = async (path: string) => {
    try {
      return await cgroupUsage(source.layout, path);
    } catch (error) {
      failures.push(error as Error);
      return undefined;
    }
  };
  const pods = await Promise.all(source.pods().map((pod) => readPod(source, pod, read)));
  const node = await nodeUsage(source);
  return { at: source.now(), node, pods: pods.filter((reading) => reading !== undefined), failures };
}

type Read = (path: string) => Promise<CgroupUsage | undefined>;

async function readPod(source: StatsSource, pod: Pod, read: Read): Promise<PodReading | undefined> {
  const usage = await read(podFolder(source, pod));
  if (!usage) return undefined;
  const containers = await Promise.all(
    runningContainers(pod).map(async ({ name, id, image, startedAt }) => {
      const own = await read(containerFolder(source, pod, id));
      return own ? [{ name, id, image, startedAt, usage: own }] : [];
    }),
  );
  return { pod, usage, containers: containers.flat() };
}

/** The Pod's cgroup as the engine has it, relative to the mount. */
export function podFolder({ cgroupRoot, driver }: StatsSource, pod: Pod): string {
  const path = podCgroup(cgroupRoot, qosClass(pod), String(pod.metadata.uid));
  return driver === "systemd" ? sliceFolder(path) : path;
}

export function containerFolder(source: StatsSource, pod: Pod, id: string): string {
  return `${podFolder(source, pod)}/${source.driver === "systemd" ? `docker-${id}.scope` : id}`;
}

function runningContainers({ status = {} }: Pod) {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status;
  const all: ContainerStatus[] = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return all.flatMap(({ name, containerID = "", image, state }) =>
    state?.running
      ? [
          {
            name,
            image,
            id: containerID.replace(/^docker:\/\//, ""),
            startedAt: Date.parse(state.running.startedAt ?? ""),
          },
        ]
      : [],
  );
}
