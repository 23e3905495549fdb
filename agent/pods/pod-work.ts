import type { ContainerStatus, Pod, PodStatus } from "#api/generated/types.js";
import type { ContainerState, PodIdentity } from "../runtime/runtime.js";
import type { Waiting } from "../status/container-status.js";
import { podStatus } from "../status/pod-status.js";
import type { PreparedVolumes } from "../volumes/volume-manager.js";
import { ContainerKills } from "./container-kills.js";
import { containerSpec } from "./container-starter.js";
import type { Granted } from "./granted.js";
import { HookRuns } from "./hook-runs.js";
import type { PodFailure } from "./pod-admission.js";
import type { PodEnvironment } from "./pod-environment.js";
import { currentSandbox, hasEnded } from "./pod-view.js";
import type { ResizeState } from "./resize.js";
import type { RuntimeView } from "./runtime-view.js";
import { terminationMessage } from "./termination-message.js";

/** The moments at which a worker's loop runs again. */
export interface Wakeable {
  wake(): void;
  /** @param at milliseconds since the epoch */
  wakeAt(at: number): void;
  /** @param delay milliseconds */
  wakeAfter(delay: number): void;
}

/** What a worker keeps in memory about its Pod: nothing it could not find out again. */
export class PodWork {
  pod: Pod | undefined;
  inApi = false;
  /** Where the sandbox is on the network. */
  network: { sandboxId: string; ips: readonly string[] } | undefined;
  volumes: PreparedVolumes | undefined;
  /** When the volumes were last brought up to date, on the monotonic clock. */
  volumesAt = Number.NEGATIVE_INFINITY;
  /** When it was last looked at how much it has on the disk, likewise. */
  usageAt = Number.NEGATIVE_INFINITY;
  /** Why the Pod has failed as a whole, when that was decided: nothing runs again, and its phase follows when nothing runs. */
  failure: PodFailure | undefined;
  /** The node has decided whether it takes the Pod on. */
  judged = false;
  /** Resources by container as the node has granted them; absent until they were looked up. */
  granted: Granted | undefined;
  readonly resize: ResizeState = {};
  /** When the node began to stop the Pod, on the monotonic clock (ms). */
  stoppingSince: number | undefined;
  /** Everything that had to be given back was. */
  released = false;
  hasGivenRoomBack = false;
  /** The API was told to forget the Pod. */
  deleted = false;
  /** Why containers do not run, by name. */
  readonly waiting = new Map<string, Waiting>();
  /** Last words by container id. */
  readonly messages = new Map<string, string>();
  /** The back-off whose Event was recorded, by container name. */
  readonly toldBackOff = new Map<string, number>();
  readonly kills: ContainerKills;
  readonly hooks: HookRuns;
  readonly #probed = new Set<string>();
  readonly #linked = new Map<string, ContainerState>();
  readonly #startTime: number;

  constructor(
    readonly env: PodEnvironment,
    readonly identity: PodIdentity,
    readonly view: RuntimeView,
    readonly loop: Wakeable,
  ) {
    this.#startTime = env.clock.now();
    this.kills = new ContainerKills(env, (id, error) => this.#killed(id, error));
    this.hooks = new HookRuns(env, () => loop.wake());
  }

  get isTerminating(): boolean {
    return !this.inApi || this.pod?.metadata.deletionTimestamp !== undefined;
  }

  get podIPs(): readonly string[] {
    return this.network?.ips ?? [];
  }

  /**
   * Nothing runs any more: others may have what the Pod had. Before the API hears of it, since the scheduler may send another in
   * its place at once.
   */
  giveRoomBack(): void {
    this.hasGivenRoomBack = true;
    this.env.allocations.release(this.identity.uid);
  }

  /** Reads what containers that have ended left as their message, once each; forgets those that are gone. */
  async readLastWords(): Promise<void> {
    const known = new Set(this.view.containers.map(({ id }) => id));
    for (const id of this.messages.keys()) if (!known.has(id)) this.messages.delete(id);
    for (const container of this.view.containers) {
      const spec = containerSpec(this.pod, container.name);
      if (!spec || !hasEnded(container) || this.messages.has(container.id)) continue;
      const { runtime, directories } = this.env;
      this.messages.set(container.id, await terminationMessage(runtime, directories, spec, container));
    }
  }

  /** Links lead to the logs of exactly the containers that are there. */
  async linkLogs(): Promise<void> {
    const { logLinks, logger } = this.env;
    if (!logLinks) return;
    const known = new Set(this.view.containers.map(({ id }) => id));
    try {
      for (const container of this.#linked.values()) {
        if (known.has(container.id)) continue;
        await logLinks.remove(container);
        this.#linked.delete(container.id);
      }
      for (const container of this.view.containers) {
        if (this.#linked.has(container.id)) continue;
        await logLinks.add(container);
        this.#linked.set(container.id, container);
      }
    } catch (error) {
      // Containers run without; the next run tries again.
      logger.warn({ pod: this.identity, err: error }, "links to container logs are not complete");
    }
  }

  /** Probes run exactly for the containers that run. */
  followProbes(pod: Pod): void {
    const { probes, statuses } = this.env;
    const running = this.view.containers.filter(({ state }) => state === "running");
    const runs = (id: string) => running.some((container) => container.id === id);
    for (const id of this.hooks.condemned.keys()) if (!runs(id)) this.hooks.condemned.delete(id);
    for (const id of this.#probed) {
      if (runs(id)) continue;
      probes.remove(id);
      this.#probed.delete(id);
    }
    if (!this.network) return;
    for (const { id, name, startedAt } of running) {
      const container = containerSpec(pod, name);
      if (!container || this.#probed.has(id)) continue;
      const before = statusOfContainer(statuses.statusOf(pod), id);
      const was = { wasReady: before?.ready ?? false, wasStarted: before?.started ?? false };
      probes.add({ pod, container, id, startedAt, podIP: this.podIPs[0] ?? "", ...was });
      this.#probed.add(id);
    }
  }

  stopProbes(): void {
    for (const id of this.#probed) this.env.probes.remove(id);
    this.#probed.clear();
  }

  /** @param last the Pod is going away and this is its last status */
  report(pod: Pod, last = false): void {
    const { env, view } = this;
    const previous = env.statuses.statusOf(pod);
    const sandbox = currentSandbox(view);
    const status = podStatus({
      pod,
      view,
      waiting: this.waiting,
      messages: this.messages,
      isReady: (id) => !this.hooks.isPending(id) && this.#isReady(id, previous),
      isStarted: (id) => this.isStarted(id, previous),
      isInPostStart: (id) => this.hooks.isPending(id),
      failure: this.failure,
      resize: this.resize,
      imageDigest: (imageId) => env.images.digestOf(imageId),
      podIPs: this.podIPs,
      hostIPs: env.nodeIPs,
      readyToStart: sandbox?.running === true && this.network?.sandboxId === sandbox.id,
      startTime: this.#startTime,
      last,
      previous,
      now: env.clock.now(),
    });
    env.statuses.set(pod, status);
  }

  #isReady(id: string, previous: PodStatus | undefined): boolean {
    if (this.#probed.has(id)) return this.env.probes.isReady(id);
    return statusOfContainer(previous, id)?.ready ?? false;
  }

  isStarted(id: string, previous = this.pod && this.env.statuses.statusOf(this.pod)): boolean {
    if (this.hooks.isPending(id)) return false;
    if (this.#probed.has(id)) return this.env.probes.isStarted(id);
    return statusOfContainer(previous, id)?.started ?? false;
  }

  #killed(id: string, error?: Error): void {
    const { logger } = this.env;
    this.view.markStale("container", id);
    if (error)
      logger.warn({ pod: this.identity, container: id, err: error }, "container not stopped, will be tried again");
    // A kill that failed is planned again by the next run; not at once, the engine may be in trouble.
    if (error) this.loop.wakeAfter(2_000);
    else this.loop.wake();
  }
}

function statusOfContainer(status: PodStatus | undefined, id: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  return all.find(({ containerID }) => containerID === `docker://${id}`);
}
