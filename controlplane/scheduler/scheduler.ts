import type { Logger } from "pino";
import type { Node, Pod, PodDisruptionBudget } from "#api/generated/types.js";
import { isPodTerminal } from "#api/pod-state.js";
import { nodes, podDisruptionBudgets, pods } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isConflict, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import { createEventRecorder, type EventRecorder } from "#client/event-recorder.js";
import { type Informer, startInformer } from "#client/informer.js";
import { SchedulerCache } from "./cache.js";
import { chooseNode, type NodeRejection } from "./choose-node.js";
import { failureMessage } from "./failure-message.js";
import type { ClusterChange, Plugin } from "./framework.js";
import type { NodeInfo } from "./node-info.js";
import { type PodInfo, podInfo } from "./pod-info.js";
import { Preemptor } from "./preemptor.js";
import { SchedulingQueue } from "./queue.js";
import { reportUnschedulable, type Unschedulable } from "./report.js";

export const SCHEDULER_NAME = "default-scheduler";
/** Attempts for one Pod are at least this far apart (ms), doubling. */
const BACKOFF = { base: 100, max: 10_000 };
/** After this many decisions in a row bindings and watch events get their turn. */
const BATCH = 20;

export interface SchedulerOptions {
  client: Client;
  logger: Logger;
  plugins: readonly Plugin[];
  /** When the plugins know what they need. */
  prepared: Promise<unknown>;
  clock: Clock;
  /** 0 <= random() < 1; settles ties between nodes. */
  random: () => number;
}

/** Finds a node for every Pod that has none. Decides one Pod after another in memory, binds them side by side. */
export class Scheduler {
  readonly #cache = new SchedulerCache();
  readonly #queue: SchedulingQueue;
  readonly #recorder: EventRecorder;
  readonly #preemptor: Preemptor;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #budgets: Informer<PodDisruptionBudget>;
  #synced = false;
  #stopped = false;
  #scheduled = false;
  /** Resolves when nodes and Pods are known and scheduling has begun. */
  readonly ready: Promise<void>;

  constructor(private readonly options: SchedulerOptions) {
    const { client, clock, logger } = options;
    this.#queue = new SchedulingQueue({ clock, backoff: BACKOFF, onReady: () => this.#kick() });
    const onError = (error: Error) => logger.warn({ err: error }, "scheduler");
    this.#recorder = createEventRecorder(client, { component: SCHEDULER_NAME, clock, onError });
    this.#preemptor = new Preemptor({
      ...options,
      recorder: this.#recorder,
      budgets: () => this.#budgets.list(),
      onError: (error, victim) =>
        logger.warn({ err: error, pod: victim }, "a Pod that is to make room was not deleted"),
    });
    this.#budgets = startInformer(client, podDisruptionBudgets, { clock, onError });
    this.#nodes = startInformer(client, nodes, { clock, onError });
    this.#nodes.addHandler({
      onAdd: (node) => this.#nodeChanged(node, "node-added"),
      onUpdate: (node, old) => this.#nodeChanged(node, "node-changed", old),
      onDelete: (node) => this.#cache.removeNode(node.metadata.name),
    });
    this.#pods = startInformer(client, pods, { clock, onError });
    this.#pods.addHandler({
      onAdd: (pod) => this.#podChanged(pod),
      onUpdate: (pod, old) => this.#podChanged(pod, old),
      onDelete: (pod) => this.#podGone(pod),
    });
    this.ready = this.#begin();
    this.ready.catch(() => undefined);
  }

  /** Something that plugins look at has changed. */
  changed(change: ClusterChange): void {
    this.#queue.wake(change);
  }

  stop(): void {
    this.#stopped = true;
    this.#pods.stop();
    this.#nodes.stop();
    this.#budgets.stop();
    this.#queue.stop();
    this.#recorder.stop();
  }

  async #begin(): Promise<void> {
    await Promise.all([this.#pods.synced, this.#nodes.synced, this.#budgets.synced, this.options.prepared]);
    this.#synced = true;
    this.#kick();
  }

  #nodeChanged(node: Node, change: ClusterChange, old?: Node): void {
    this.#cache.setNode(node);
    if (!old || !sameForScheduling(node, old)) this.#queue.wake(change);
  }

  #podChanged(pod: Pod, old?: Pod): void {
    const { uid } = pod.metadata;
    if (isPodTerminal(pod)) this.#podGone(pod);
    else if (pod.spec.nodeName) this.#podPlaced(pod, pod.spec.nodeName, old);
    else if (!isOurs(pod)) this.#podNeedsNone(uid);
    else if (!this.#cache.isPlaced(uid)) this.#podWaits(pod, old);
  }

  #podPlaced(pod: Pod, nodeName: string, old?: Pod): void {
    const { uid } = pod.metadata;
    this.#queue.remove(uid);
    this.#preemptor.nominations.delete(uid);
    const isNew = !old?.spec.nodeName;
    if (!isNew && samePodForScheduling(old, pod) && this.#cache.isPlaced(uid)) return;
    this.#cache.place(pod, nodeName);
    this.#queue.wake(isNew ? "pod-added" : "pod-changed");
  }

  #podWaits(pod: Pod, old?: Pod): void {
    const changed =
      !old || !semanticEqual(old.spec, pod.spec) || !semanticEqual(old.metadata.labels, pod.metadata.labels);
    const { nominatedNodeName } = pod.status ?? {};
    if (!old && nominatedNodeName) this.#preemptor.nominations.set(podInfo(pod), nominatedNodeName);
    if (changed || !this.#queue.has(pod.metadata.uid)) this.#queue.add(pod);
    else this.#queue.refresh(pod);
  }

  /** It is on its way out, or for somebody else to place. */
  #podNeedsNone(uid: string): void {
    this.#queue.remove(uid);
    if (this.#preemptor.nominations.delete(uid)) this.#queue.wake("pod-removed");
  }

  #podGone(pod: Pod): void {
    const { uid } = pod.metadata;
    this.#queue.remove(uid);
    const wasKeptRoom = this.#preemptor.gone(uid);
    if (this.#cache.remove(uid) || wasKeptRoom) this.#queue.wake("pod-removed");
  }

  #kick(): void {
    if (!this.#synced || this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (let i = 0; i < BATCH; i++) {
        const pod = this.#queue.take();
        if (!pod) return;
        this.#schedule(pod);
      }
      this.#kick();
    });
  }

  #schedule(pod: Pod): void {
    const { logger, plugins, random } = this.options;
    const info = podInfo(pod);
    try {
      const { nominations } = this.#preemptor;
      const nodes = this.#cache.nodes();
      const crowded = nominations.crowd(nodes, info);
      const nominated = nominations.nodeOf(pod.metadata.uid);
      const choice = chooseNode(info, { nodes, crowded, nominated }, plugins, random);
      if ("rejections" in choice) this.#reject(info, crowded, choice.rejections);
      else void this.#bind(info, choice.nodeName);
    } catch (error) {
      logger.error({ err: error, pod: pod.metadata.name }, "scheduling failed");
      this.#queue.retry(pod.metadata.uid);
    }
  }

  #reject(info: PodInfo, nodes: readonly NodeInfo[], rejections: readonly NodeRejection[]): void {
    const { pod } = info;
    const wakesOn = new Set<ClusterChange>(["node-added"]);
    for (const { plugin: name } of rejections) {
      for (const change of this.options.plugins.find((plugin) => plugin.name === name)?.wakesOn ?? [])
        wakesOn.add(change);
    }
    this.#queue.park(pod.metadata.uid, wakesOn);
    const { message, nodeName } = this.#preemptor.attempt(info, nodes, rejections);
    void this.#report(pod, {
      reason: "Unschedulable",
      message: failureMessage(rejections, message),
      nominatedNodeName: nodeName,
    });
  }

  async #bind(info: PodInfo, nodeName: string): Promise<void> {
    const { pod } = info;
    const { name, namespace, uid } = pod.metadata;
    const { plugins, logger } = this.options;
    const reserved: Plugin[] = [];
    const node = this.#cache.node(nodeName);
    // Assumed before the first await: the next decision already counts this Pod.
    this.#cache.place(pod, nodeName, info);
    this.#preemptor.nominations.delete(uid);
    try {
      if (!node) throw new Error(`node ${nodeName} has gone`);
      for (const plugin of plugins) {
        plugin.reserve?.(info, node);
        reserved.push(plugin);
      }
      for (const plugin of plugins) if (plugin.preBind) await plugin.preBind(info, node);
      await plugins.find((plugin) => plugin.bind)?.bind?.(pod, nodeName);
    } catch (error) {
      for (const plugin of reserved.reverse()) if (node) plugin.unreserve?.(info, node);
      if (this.#stopped) return;
      this.#cache.remove(uid);
      this.#queue.wake("pod-removed");
      if (isNotFound(error)) {
        this.#queue.remove(uid);
        return;
      }
      logger[isConflict(error) ? "debug" : "warn"]({ err: error, pod: name }, "binding failed");
      this.#queue.retry(uid);
      const message = error instanceof Error ? error.message : String(error);
      await this.#report(pod, { reason: "SchedulerError", message });
      return;
    }
    this.#queue.remove(uid);
    this.#recorder.event(pod, "Normal", "Scheduled", `Successfully assigned ${namespace}/${name} to ${nodeName}`);
  }

  async #report(pod: Pod, what: Unschedulable): Promise<void> {
    try {
      await reportUnschedulable(pod, what, { ...this.options, recorder: this.#recorder });
    } catch (error) {
      this.options.logger.warn({ err: error, pod: pod.metadata.name }, "the Pod's condition was not written");
    }
  }
}

/** It names this scheduler (or none), waits for nothing else and is not on its way out. */
function isOurs({ spec, metadata }: Pod): boolean {
  if (metadata.deletionTimestamp || spec.schedulingGates?.length) return false;
  return (spec.schedulerName ?? SCHEDULER_NAME) === SCHEDULER_NAME;
}

function samePodForScheduling(a: Pod, b: Pod): boolean {
  return (
    semanticEqual(a.spec, b.spec) &&
    semanticEqual(a.metadata.labels, b.metadata.labels) &&
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp
  );
}

function sameForScheduling(a: Node, b: Node): boolean {
  return (
    semanticEqual(a.status?.allocatable, b.status?.allocatable) &&
    semanticEqual(a.metadata.labels, b.metadata.labels) &&
    semanticEqual(a.spec.taints, b.spec.taints) &&
    Boolean(a.spec.unschedulable) === Boolean(b.spec.unschedulable)
  );
}
