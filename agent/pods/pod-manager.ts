/** All Pods of the node: a worker each, fed by the API's Pods, the engine's events and a list of the engine now and then. */
import { readdir } from "node:fs/promises";
import type { Pod } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { type Informer, startInformer } from "#client/informer.js";
import { formatDuration } from "../host/duration.js";
import type { PodIdentity, RuntimeEvent, Sandbox } from "../runtime/runtime.js";
import type { StaticPods } from "../static-pods/index.js";
import { staticUidOf } from "../static-pods/mirror-pods.js";
import type { PodStorage } from "../stats/pod-storage.js";
import { viewsOf } from "./engine-views.js";
import { endPods, type ShutdownGrace, untilOver } from "./node-shutdown.js";
import type { PodFailure } from "./pod-admission.js";
import { type PodEnvironment, podLabel } from "./pod-environment.js";
import { tearDownPod } from "./pod-teardown.js";
import { PodWorker } from "./pod-worker.js";
import { type Holder, mayPreempt, missing, PREEMPTED, victims } from "./preemption.js";
import { RuntimeView } from "./runtime-view.js";

export interface PodManagerOptions {
  env: PodEnvironment;
  nodeName: string;
  /** Milliseconds between two lists of everything the engine has. */
  relistPeriod: number;
  /** The node's own Pods; absent: it has none. */
  staticPods?: StaticPods;
  onPodsChanged?(): void;
  onEngineBack?(): void;
}

/** An engine that has not listed its containers for so long (ms) is in trouble, whatever else it answers. */
const LIST_THRESHOLD = 180_000;

/** Between attempts to reach the engine, milliseconds. */
const ENGINE_RETRY = 1_000;
/** How long is waited for a Pod that was evicted, milliseconds. */
const EVICTION_PATIENCE = 30_000;

export class PodManager {
  readonly #workers = new Map<string, PodWorker>();
  readonly #informer: Informer<Pod>;
  #stopped = false;
  #stream: { close(): void } | undefined;
  /** The stream has not ended. */
  #following = false;
  #cancelTimer: (() => void) | undefined;
  #ready = false;
  /** On the monotonic clock. */
  #listedAt: number;
  #staticUids = new Set<string>();

  constructor(private readonly options: PodManagerOptions) {
    const { env, nodeName } = options;
    this.#listedAt = env.clock.monotonic();
    this.#informer = startInformer(env.client, pods, {
      fieldSelector: `spec.nodeName=${nodeName}`,
      onError: (error) => env.logger.debug({ err: error }, "pods of this node: list or watch failed"),
    });
  }

  /** Never rejects: it goes on until the API and the engine answer. */
  async start(): Promise<void> {
    const { env } = this.options;
    await this.#startStatic();
    try {
      await this.#informer.synced;
    } catch {
      return; // Stopped before the first list.
    }
    while (!this.#stopped && !this.#ready) {
      try {
        await this.#begin();
        if (!this.#following) this.#reconnectSoon();
      } catch (error) {
        env.logger.warn({ err: error }, "the Docker engine does not answer, will be tried again");
        await new Promise<void>((resolve) => env.clock.after(ENGINE_RETRY, resolve));
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.options.staticPods?.stop();
    this.#informer.stop();
    this.#stream?.close();
    this.#cancelTimer?.();
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
  }

  /** In the kubelet's words, which call the list of containers "PLEG". */
  problem(): string | undefined {
    const silent = this.options.env.clock.monotonic() - this.#listedAt;
    if (silent < LIST_THRESHOLD) return undefined;
    const [ago, threshold] = [Math.floor(silent / 1000) * 1000, LIST_THRESHOLD].map(formatDuration);
    return `PLEG is not healthy: pleg was last seen active ${ago} ago; threshold is ${threshold}`;
  }

  shutDown(grace: ShutdownGrace): Promise<void> {
    return endPods([...this.#workers.values()], grace, this.options.env.clock);
  }

  /** The Pod has failed by a decision of the node. Resolves when nothing of it runs, or it has had time enough for that. */
  async evict(pod: Pod, failure: PodFailure): Promise<void> {
    const worker = this.#workerOf(pod);
    if (!worker) return;
    this.#end(worker, pod, failure);
    await untilOver([worker], EVICTION_PATIENCE, this.options.env.clock);
  }

  #end(worker: PodWorker, pod: Pod, failure: PodFailure): void {
    this.options.env.events.pod(pod, "Warning", failure.reason, failure.message);
    worker.end(failure);
  }

  /** See {@link PodEnvironment.makeRoom}. */
  makeRoom(pod: Pod): boolean {
    const { allocations, logger } = this.options.env;
    const going: Holder[] = [];
    const candidates: (Holder & { worker: PodWorker })[] = [];
    for (const [uid, worker] of this.#workers) {
      const held = allocations.heldBy(uid);
      const other = worker.pod;
      if (held && other && worker.isEnding) going.push({ pod: other, held });
      else if (held && other && mayPreempt(pod, other)) candidates.push({ pod: other, held, worker });
    }
    const chosen = victims(missing(allocations.shortages(pod), going), candidates);
    if (!chosen) return false;
    for (const { pod: other, worker } of candidates.filter((candidate) => chosen.includes(candidate))) {
      logger.warn({ pod: podLabel(other), for: podLabel(pod) }, "ending a pod for a critical one");
      this.#end(worker, other, PREEMPTED);
    }
    return true;
  }

  list(): Pod[] {
    return this.#informer.list().map((pod) => this.#workerOf(pod)?.pod ?? pod);
  }

  find(namespace: string, name: string): Pod | undefined {
    const pod = this.#informer.get(`${namespace}/${name}`);
    return pod && (this.#workerOf(pod)?.pod ?? pod);
  }

  /** The Pod's worker's: see {@link PodWorker.storage}. */
  storageOf(pod: Pod): PodStorage | undefined {
    return this.#workerOf(pod)?.storage;
  }

  /** Path of the network namespace the Pod is in; undefined while its sandbox does not run. */
  networkNamespace(namespace: string, name: string): string | undefined {
    const pod = this.#informer.get(`${namespace}/${name}`);
    const sandbox = pod && this.#workerOf(pod)?.view.sandboxes.find(({ running }) => running);
    return sandbox && `/proc/${sandbox.hostNetwork ? "self" : sandbox.pid}/ns/net`;
  }

  #workerOf(pod: Pod): PodWorker | undefined {
    return this.#workers.get(staticUidOf(pod) ?? pod.metadata.uid);
  }

  wake(podUid: string): void {
    this.#workers.get(podUid)?.wake();
  }

  async #begin(): Promise<void> {
    const { env } = this.options;
    await this.#follow();
    const [sandboxes, containers] = await Promise.all([env.runtime.listSandboxes(), env.runtime.listContainers()]);
    this.#listedAt = env.clock.monotonic();
    await this.#collect(sandboxes);
    const views = viewsOf(sandboxes, containers);
    for (const pod of this.options.staticPods?.list() ?? [])
      views.delete(this.#admit(pod, views.get(pod.metadata.uid)?.view));
    for (const pod of this.#informer.list())
      if (staticUidOf(pod) === undefined) views.delete(this.#admit(pod, views.get(pod.metadata.uid)?.view));
    for (const { identity, view } of views.values()) this.#adopt(identity, view);
    // In the same turn: who would be deleted between the list and the handler, nobody would hear of.
    this.#informer.addHandler({
      onAdd: (pod) => this.#told(pod),
      onUpdate: (pod) => this.#told(pod),
      onDelete: (pod) => this.#untold(pod),
    });
    this.#ready = true;
    this.#syncStatic();
    this.#scheduleRelist();
    await this.#removeOrphanDirectories();
  }

  #told(pod: Pod): void {
    const staticUid = staticUidOf(pod);
    if (staticUid === undefined) return void this.#admit(pod);
    this.options.staticPods?.mirrors.seen(pod);
    this.options.env.statuses.mirrored(staticUid, pod);
  }

  #untold(pod: Pod): void {
    if (staticUidOf(pod) === undefined) this.#forsake(pod);
    else this.options.staticPods?.mirrors.gone(pod);
  }

  /** The node's own Pods do not wait for the API. */
  async #startStatic(): Promise<void> {
    const { staticPods, env } = this.options;
    try {
      await staticPods?.start(() => this.#syncStatic());
      if (!staticPods?.list().length) return;
      await this.#follow();
      const [sandboxes, containers] = await Promise.all([env.runtime.listSandboxes(), env.runtime.listContainers()]);
      const views = viewsOf(sandboxes, containers);
      for (const pod of staticPods.list()) this.#admit(pod, views.get(pod.metadata.uid)?.view);
    } catch (error) {
      env.logger.warn({ err: error }, "static Pods wait for the API and the engine");
    }
  }

  /** Gives the node's own Pods their workers, and takes down those whose file is gone or says something else. */
  #syncStatic(): void {
    const { staticPods } = this.options;
    if (!staticPods) return;
    const wanted = staticPods.list();
    const uids = new Set(wanted.map(({ metadata }) => metadata.uid));
    for (const uid of this.#staticUids) if (!uids.has(uid)) this.#workers.get(uid)?.forsake();
    for (const pod of wanted) if (!this.#workers.has(pod.metadata.uid)) this.#admit(pod);
    this.#staticUids = uids;
    // Before the first list, mirrors that are there already would be made again.
    if (this.#ready) staticPods.mirrors.want(wanted);
  }

  /** What nobody uses any more is given back. One attachment that cannot be is no reason to look after no Pod at all. */
  async #collect(sandboxes: readonly Sandbox[]): Promise<void> {
    const { network, logger } = this.options.env;
    const living = new Set(sandboxes.filter(({ running }) => running).map(({ id }) => id));
    await network
      .collect(living)
      .catch((error) => logger.error({ err: error }, "network attachments of the past stay"));
  }

  /** Gives the Pod's worker its newest state. Returns the Pod's uid. */
  #admit(pod: Pod, view = new RuntimeView()): string {
    const { uid, name, namespace = "" } = pod.metadata;
    let worker = this.#workers.get(uid);
    if (!worker) worker = this.#addWorker({ uid, name, namespace }, view);
    worker.update(pod);
    this.options.onPodsChanged?.();
    return uid;
  }

  #forsake(pod: Pod): void {
    this.#workers.get(pod.metadata.uid)?.forsake(pod);
    this.options.onPodsChanged?.();
  }

  /** Something runs here that the API does not know: it is taken down, with its grace. */
  #adopt(identity: PodIdentity, view: RuntimeView): void {
    this.options.env.logger.info({ pod: identity }, "pod is not in the API: taking it down");
    this.#addWorker(identity, view).forsake();
  }

  #addWorker(identity: PodIdentity, view: RuntimeView): PodWorker {
    const { env } = this.options;
    const { uid } = identity;
    const worker = new PodWorker(env, identity, view, () => {
      this.#workers.delete(uid);
      env.statuses.forget(uid);
      env.allocations.release(uid);
      env.images.forgetPod(uid);
      void worker.stop();
    });
    this.#workers.set(uid, worker);
    return worker;
  }

  async #follow(): Promise<void> {
    const { env } = this.options;
    this.#stream?.close();
    this.#following = true;
    this.#stream = await env.runtime.events(
      (event) => this.#note(event),
      (error) => {
        this.#following = false;
        // Before all Pods have their workers, a list of the engine would take them for Pods that the API does not know.
        if (this.#stopped || !this.#ready) return;
        env.logger.warn({ err: error }, "the Docker engine's event stream ended, connecting again");
        this.#reconnectSoon();
      },
    );
  }

  #reconnectSoon(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.options.env.clock.after(ENGINE_RETRY, () => void this.#reconnect());
  }

  async #reconnect(): Promise<void> {
    const { env } = this.options;
    try {
      await this.#follow();
      this.options.onEngineBack?.();
      await this.#relist();
    } catch (error) {
      env.logger.warn({ err: error }, "the Docker engine does not answer, will be tried again");
      if (!this.#stopped) this.#reconnectSoon();
    }
  }

  #note(event: RuntimeEvent): void {
    this.#workers.get(event.podUid)?.note(event);
  }

  #scheduleRelist(): void {
    const { env, relistPeriod } = this.options;
    if (this.#stopped) return;
    this.#cancelTimer?.();
    this.#cancelTimer = env.clock.after(relistPeriod, () => {
      this.#relist().catch((error) => {
        env.logger.warn({ err: error }, "the Docker engine's containers could not be listed");
        this.#scheduleRelist();
      });
    });
  }

  /** Events may be lost: compares everything with what the workers believe. */
  async #relist(): Promise<void> {
    const { runtime } = this.options.env;
    const known = new Set(this.#workers.keys());
    const [sandboxes, containers] = await Promise.all([runtime.listSandboxes(), runtime.listContainers()]);
    this.#listedAt = this.options.env.clock.monotonic();
    const views = viewsOf(sandboxes, containers);
    for (const uid of known) {
      const found = views.get(uid);
      const worker = this.#workers.get(uid);
      if (worker?.view.compare(found?.sandboxes ?? [], found?.containers ?? [])) worker.wake();
    }
    for (const [uid, { identity, view }] of views) if (!this.#workers.has(uid)) this.#adopt(identity, view);
    this.#scheduleRelist();
  }

  async #removeOrphanDirectories(): Promise<void> {
    const { env } = this.options;
    for (const uid of await readdir(env.directories.root).catch(() => [])) {
      if (this.#workers.has(uid)) continue;
      const orphan = { uid, name: "", namespace: "" };
      await tearDownPod(env, orphan, new RuntimeView(), true).catch((error) =>
        env.logger.warn({ uid, err: error }, "directory of a pod that is gone could not be removed"),
      );
    }
  }
}
