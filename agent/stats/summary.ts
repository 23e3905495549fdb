/**
 * `/stats/summary`, in the form of the kubelet's stats/v1alpha1 Summary
 * (https://kubernetes.io/docs/reference/instrumentation/node-metrics/). What no file tells is left out.
 */
import type { Pod } from "#api/generated/types.js";
import { formatTime } from "#api/time.js";
import type { CgroupUsage } from "./cgroup-usage.js";
import type { CpuRates } from "./cpu-rates.js";
import { type FileSystemUsage, fileSystemUsage } from "./disk-usage.js";
import { type InterfaceUsage, nodeNetwork, podNetwork } from "./network-usage.js";
import { agentUsage } from "./node-usage.js";
import { ephemeralBytes, type PodStorageUsage } from "./pod-storage.js";
import type { PodReading, Readings, StatsSource } from "./readings.js";

export interface SummarySource extends StatsSource {
  /** Bytes of memory that the node has. */
  memory: number;
  /** Folders on the file systems of the Pods' data and of images. */
  nodeFolder: string;
  imageFolder: string;
  /** Milliseconds since the epoch when this process began. */
  startedAt: number;
  /** By the Pods' uids; may be a minute old. */
  storage(pods: readonly Pod[]): Promise<ReadonlyMap<string, PodStorageUsage>>;
  rates: CpuRates;
}

export async function statsSummary(source: SummarySource, readings: Readings): Promise<object> {
  const { nodeFolder, imageFolder } = source;
  const pods = readings.pods.map(({ pod }) => pod);
  const [fs, imageFs, storage, network] = await Promise.all([
    fileSystemUsage(nodeFolder),
    fileSystemUsage(imageFolder),
    source.storage(pods),
    nodeNetwork(),
  ]);
  const maker = new SummaryMaker(source, readings, fs);
  const podStats = readings.pods.map(async (reading) =>
    maker.pod(reading, await podNetwork(source, reading), storage.get(reading.pod.metadata.uid)),
  );
  source.rates.forgetOld(readings.at);
  return { node: maker.node(network, imageFs), pods: await Promise.all(podStats) };
}

/** CPU and memory only: no disk is walked, and no process looked at. */
export function computeSummary(source: SummarySource, readings: Readings): object {
  const maker = new SummaryMaker(source, readings);
  source.rates.forgetOld(readings.at);
  return { node: maker.node(), pods: readings.pods.map((reading) => maker.pod(reading)) };
}

class SummaryMaker {
  readonly #time: string;

  constructor(
    private readonly source: SummarySource,
    private readonly readings: Readings,
    private readonly fs?: FileSystemUsage,
  ) {
    this.#time = formatTime(readings.at);
  }

  node(network?: readonly InterfaceUsage[], imageFs?: FileSystemUsage): object {
    const { source, readings, fs } = this;
    const startTime = formatTime(source.startedAt);
    const images = imageFs && this.#fileSystem(imageFs);
    return {
      nodeName: source.nodeName,
      systemContainers: [{ name: "kubelet", startTime, ...this.#compute("kubelet", agentUsage()) }],
      startTime,
      ...this.#compute("node", readings.node, source.memory),
      network: network && this.#network(network),
      fs: fs && this.#fileSystem(fs),
      runtime: images && { imageFs: images, containerFs: images },
    };
  }

  pod(
    { pod, usage, containers }: PodReading,
    network: readonly InterfaceUsage[] = [],
    storage?: PodStorageUsage,
  ): object {
    const { name, namespace, uid, creationTimestamp } = pod.metadata;
    return {
      podRef: { name, namespace, uid },
      startTime: pod.status?.startTime ?? creationTimestamp,
      containers: containers.map((container) => ({
        name: container.name,
        startTime: formatTime(container.startedAt),
        ...this.#compute(container.id, container.usage),
        ...this.#containerStorage(storage?.containers.get(container.name)),
      })),
      ...this.#compute(uid, usage),
      network: network.length > 0 ? this.#network(network) : undefined,
      volume: storage && this.#volumes(storage),
      "ephemeral-storage": storage && this.#share(ephemeralBytes(storage)),
      process_stats: usage.pids === undefined ? undefined : { process_count: usage.pids },
    };
  }

  /** @param limit bytes of memory; by default the cgroup's own */
  #compute(key: string, usage: CgroupUsage, limit = usage.memoryLimit): object {
    const time = this.#time;
    const { cpuSeconds, memory, workingSet, rss, pageFaults, majorPageFaults, swap } = usage;
    const availableBytes = limit === undefined ? undefined : Math.max(0, limit - workingSet);
    return {
      cpu: {
        time,
        usageNanoCores: this.source.rates.nanoCores(key, this.readings.at, cpuSeconds),
        usageCoreNanoSeconds: Math.round(cpuSeconds * 1e9),
      },
      memory: {
        ...{ time, availableBytes, usageBytes: memory, workingSetBytes: workingSet, rssBytes: rss },
        ...{ pageFaults, majorPageFaults },
      },
      swap: swap === undefined ? undefined : { time, swapUsageBytes: swap },
    };
  }

  #containerStorage(used: { writableLayer: number; log: number } | undefined): object {
    return used ? { rootfs: this.#share(used.writableLayer), logs: this.#share(used.log) } : {};
  }

  #volumes({ volumes, mounted }: PodStorageUsage): object[] {
    return [
      ...[...volumes].map(([name, bytes]) => ({ ...this.#share(bytes), name })),
      ...[...mounted].map(([name, usage]) => ({ ...this.#fileSystem(usage), name })),
    ];
  }

  /** A part of the node's own file system. */
  #share(usedBytes: number): object {
    const { available: availableBytes, capacity: capacityBytes, inodes, inodesFree } = this.fs ?? {};
    return { time: this.#time, availableBytes, capacityBytes, usedBytes, inodesFree, inodes };
  }

  #fileSystem({ available, capacity, used, inodes, inodesFree }: FileSystemUsage): object {
    return {
      ...{ time: this.#time, availableBytes: available, capacityBytes: capacity, usedBytes: used },
      ...{ inodesFree, inodes, inodesUsed: inodes - inodesFree },
    };
  }

  /** The default interface's counters stand for all, as with the kubelet. */
  #network(interfaces: readonly InterfaceUsage[]): object {
    const first = interfaces.find(({ name }) => name === "eth0") ?? interfaces[0];
    return { time: this.#time, ...first, interfaces };
  }
}
