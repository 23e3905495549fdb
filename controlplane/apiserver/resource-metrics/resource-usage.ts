/**
 * What nodes and Pods use: the metrics API's one source. The kubelets are asked only while somebody wants to know; who asks
 * first after a pause waits for two samples, a second apart. Kept in memory: a server that starts measures anew.
 */
import { text } from "node:stream/consumers";
import type { Logger } from "pino";
import type { Node, V1beta1NodeMetrics, V1beta1PodMetrics } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { nodes, pods } from "#api/refs.js";
import { StatusError } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import type { Clock } from "#client/clock.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { KubeletConnections } from "../kubelet/kubelet-connection.js";
import { kubeletAddress } from "../kubelet/kubelet-target.js";
import type { ComputedSource } from "../verbs/computed.js";
import { type NodeSample, parseSample } from "./sample.js";
import { podUsage, usageBetween } from "./usage.js";

export interface ResourceUsageOptions {
  reader: ClusterReader;
  kubelets: KubeletConnections;
  /** Milliseconds between two samples. */
  resolution: number;
  clock: Clock;
  logger: Logger;
}

/** When nobody has asked for so long, the kubelets are left alone; milliseconds. */
const IDLE_MS = 5 * 60_000;
/** Between the first two samples, milliseconds. */
const FIRST_WINDOW_MS = 1_000;
/** A kubelet that takes longer keeps nobody waiting; milliseconds. */
const PATIENCE_MS = 3_000;

export class ResourceUsage {
  readonly #samples = new Map<string, { before?: NodeSample; latest: NodeSample }>();
  /** Resolves when there are two samples; undefined while nobody asks. */
  #measured: Promise<void> | undefined;
  #askedAt = 0;
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(private readonly options: ResourceUsageOptions) {}

  readonly ofNodes: ComputedSource = {
    find: async (_namespace, name) => {
      await this.#asked();
      const { reader } = this.options;
      const one = name === undefined ? undefined : reader.get(nodes, name);
      const found = name === undefined ? reader.list(nodes) : one ? [one] : [];
      return found.flatMap((node) => this.#ofNode(node) ?? []);
    },
  };

  readonly ofPods: ComputedSource = {
    find: async (namespace, name) => {
      await this.#asked();
      const { reader } = this.options;
      const one = name === undefined ? undefined : reader.get(pods, name, namespace);
      const found = name === undefined ? reader.list(pods, namespace) : one ? [one] : [];
      return found.flatMap((pod) => {
        const { name: podName, namespace: inNamespace, labels } = pod.metadata;
        const known = this.#samples.get(pod.spec.nodeName ?? "");
        const usage = pod.status?.phase === "Running" && podUsage(keyOf(pod), known?.before, known?.latest);
        const metadata = { name: podName, namespace: inNamespace, creationTimestamp: this.#time(), labels };
        return usage ? [{ metadata, ...usage } as V1beta1PodMetrics] : [];
      });
    },
  };

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.options.kubelets.close();
  }

  #ofNode({ metadata: { name, labels } }: Node): V1beta1NodeMetrics | undefined {
    const known = this.#samples.get(name);
    const usage = usageBetween(known?.before?.node, known?.latest.node);
    const metadata = { name, creationTimestamp: this.#time(), labels };
    return usage && ({ metadata, ...usage } as V1beta1NodeMetrics);
  }

  #time(): string {
    return formatTime(this.options.clock.now());
  }

  #asked(): Promise<void> {
    this.#askedAt = this.options.clock.monotonic();
    this.#measured ??= this.#begin().catch((error) => {
      // Whoever asks next begins anew.
      this.#measured = undefined;
      throw error;
    });
    return this.#measured;
  }

  async #begin(): Promise<void> {
    const { clock } = this.options;
    await this.#sampleAll();
    await new Promise<void>((resolve) => clock.after(FIRST_WINDOW_MS, resolve));
    await this.#sampleAll();
    this.#goOn();
  }

  #goOn(): void {
    const { clock, resolution, logger } = this.options;
    if (this.#stopped) return;
    this.#cancel = clock.after(resolution, () => {
      if (clock.monotonic() - this.#askedAt > IDLE_MS) {
        this.#measured = undefined;
        this.#samples.clear();
        return;
      }
      this.#sampleAll()
        .catch((error) => logger.error({ err: error }, "what nodes use was not measured"))
        .finally(() => this.#goOn());
    });
  }

  async #sampleAll(): Promise<void> {
    const { reader, logger } = this.options;
    const names = new Set(reader.list(nodes).map(({ metadata }) => metadata.name));
    for (const name of this.#samples.keys()) if (!names.has(name)) this.#samples.delete(name);
    const sampled = [...names].map((name) =>
      this.#sample(name).catch((error) => {
        // What was known of it grows old; a metrics server says nothing of such a node either.
        this.#samples.delete(name);
        logger.debug({ node: name, err: error }, "a node does not say what it uses");
      }),
    );
    let late: () => void = () => undefined;
    const patience = new Promise<void>((resolve) => {
      late = this.options.clock.after(PATIENCE_MS, resolve);
    });
    await Promise.race([Promise.all(sampled), patience]);
    late();
  }

  async #sample(name: string): Promise<void> {
    const { kubelets, reader, clock } = this.options;
    const answer = await kubelets.get(kubeletAddress(reader, name), "/metrics/resource");
    const body = await text(answer);
    if (answer.statusCode !== 200) throw new StatusError(answer.statusCode ?? 502, "InternalError", body);
    const latest = parseSample(body, clock.now());
    this.#samples.set(name, { before: this.#samples.get(name)?.latest, latest });
  }
}
