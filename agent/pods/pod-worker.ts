/**
 * One Pod on this node: a serial loop that looks at what is asked for and what is there, plans, acts, and reports. It
 * keeps nothing that it could not find out again from the engine's labels, the network's journal and the API.
 */
import { isDeepStrictEqual } from "node:util";
import type { Pod } from "#api/generated/types.js";
import { backoffDelay } from "#client/backoff.js";
import type { PodIdentity, RuntimeEvent } from "../runtime/runtime.js";
import type { PodStorage } from "../stats/pod-storage.js";
import { isTerminal } from "../status/phase.js";
import { Looper } from "./looper.js";
import type { PodFailure } from "./pod-admission.js";
import type { PodEnvironment } from "./pod-environment.js";
import { runPod } from "./pod-run.js";
import { podStorage } from "./pod-storage.js";
import { terminatePod } from "./pod-termination.js";
import { PodWork } from "./pod-work.js";
import type { RuntimeView } from "./runtime-view.js";

/** After a failure the whole is tried again, with these delays in milliseconds. */
const RETRY = { base: 500, max: 10_000, jitter: 0.2 };

export class PodWorker {
  readonly #work: PodWork;
  readonly #loop: Looper;
  #failures = 0;

  /** @param onGone the Pod holds nothing here any more and the API does not know it: the worker can be dropped */
  constructor(
    private readonly env: PodEnvironment,
    identity: PodIdentity,
    readonly view: RuntimeView,
    private readonly onGone: () => void,
  ) {
    this.#loop = new Looper(
      env.clock,
      () => this.#sync(),
      (error) => this.#failed(error),
    );
    this.#work = new PodWork(env, identity, view, this.#loop);
  }

  /** Runs the loop once more, soon. */
  wake(): void {
    this.#loop.wake();
  }

  update(pod: Pod): void {
    const { pod: before } = this.#work;
    const shown = ({ metadata: { annotations, labels } }: Pod) => [annotations, labels];
    if (before && !isDeepStrictEqual(shown(before), shown(pod))) this.#refreshVolumes(pod);
    this.#work.pod = pod;
    this.#work.inApi = true;
    // Before any new Pod is judged: all that are known are told of before the first of their loops runs.
    if (pod.status?.startTime && !isTerminal(pod.status.phase) && !this.#work.hasGivenRoomBack)
      this.env.allocations.hold(pod);
    this.env.statuses.seen(pod);
    this.wake();
  }

  /**
   * Volumes may show labels and annotations. Changing these is also how one asks for all volumes of a Pod to be brought
   * up to date at once.
   * https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/#mounted-configmaps-are-updated-automatically
   */
  #refreshVolumes({ metadata }: Pod): void {
    this.env.config.expire(metadata.namespace ?? "");
    this.#work.volumesAt = Number.NEGATIVE_INFINITY;
  }

  /** The API does not know the Pod (any more): what it has here goes away. */
  forsake(last?: Pod): void {
    this.#work.pod = last ?? this.#work.pod;
    this.#work.inApi = false;
    this.wake();
  }

  /** The Pod has failed, whatever its containers do: they are stopped. */
  end(failure: PodFailure): void {
    this.#work.failure ??= failure;
    this.wake();
  }

  /** What it has here will be given back. */
  get isEnding(): boolean {
    return this.#work.isTerminating || this.#work.failure !== undefined;
  }

  /** Nothing of the Pod runs, and the API has been told. */
  get isOver(): boolean {
    const { pod, released } = this.#work;
    return this.view.isEmpty || (released && (!pod || this.env.statuses.isWritten(pod.metadata.uid)));
  }

  note(event: RuntimeEvent): void {
    if (this.view.note(event)) this.wake();
  }

  /** Stops looking after the Pod; resolves when nothing is being done. Containers run on. */
  async stop(): Promise<void> {
    this.#work.stopProbes();
    await this.#loop.stop();
  }

  /** Where its parts are on the disk; undefined before the API has told of it. */
  get storage(): PodStorage | undefined {
    const { pod, volumes } = this.#work;
    return pod && podStorage(pod, this.view, volumes);
  }

  /** The Pod as the API has it, with the status as this node sees it. */
  get pod(): Pod | undefined {
    const { pod, inApi } = this.#work;
    return pod && inApi ? { ...pod, status: this.env.statuses.statusOf(pod) } : undefined;
  }

  async #sync(): Promise<void> {
    const work = this.#work;
    await this.view.refresh(this.env.runtime);
    await work.readLastWords();
    // Not of one that goes: that takes its links with it.
    if (!work.isTerminating) await work.linkLogs();
    let ok = true;
    if (work.isTerminating) {
      if (await terminatePod(work)) this.onGone();
    } else if (work.pod) {
      ok = await runPod(work, work.pod);
    }
    if (ok) this.#failures = 0;
    else this.#retry();
  }

  #failed(error: unknown): void {
    const { pod, identity } = this.#work;
    this.env.logger.warn({ pod: identity, err: error }, "pod not synced, will be tried again");
    if (pod) this.env.events.pod(pod, "Warning", "FailedSync", `error syncing pod: ${(error as Error).message}`);
    this.#retry();
  }

  #retry(): void {
    this.#loop.wakeAfter(backoffDelay(this.#failures++, RETRY));
  }
}
