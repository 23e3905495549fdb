/** Runs controllers: one informer per collection for all of them, one queue each, back-off, workers, metrics. */
import type { Logger } from "pino";
import type { KubeObject } from "#api/object.js";
import { keyOf } from "#api/object.js";
import { groupResource, type ResourceRef } from "#api/resource.js";
import { isConflict, isNamespaceTerminating, isNotFound } from "#api/status-error.js";
import type { BackoffOptions } from "#client/backoff.js";
import type { Client } from "#client/client.js";
import { type Clock, systemClock } from "#client/clock.js";
import { createEventRecorder, type EventRecorder } from "#client/event-recorder.js";
import { type Informer, startInformer } from "#client/informer.js";
import { WorkQueue, type WorkQueueStats } from "#client/work-queue.js";
import type { Controller, ControllerContext, Watched } from "./controller.js";

export interface HarnessOptions {
  client: Client;
  logger: Logger;
  clock?: Clock;
  backoff?: BackoffOptions;
}

export interface RunningControllers {
  /** Resolves when every controller has seen the collections it watches and works. */
  readonly ready: Promise<void>;
  stats(): Readonly<Record<string, WorkQueueStats>>;
  /** Resolves when no reconcile is running any more. */
  stop(): Promise<void>;
}

const DEFAULT_WORKERS = 2;

export function startHarness(controllers: readonly Controller[], options: HarnessOptions): RunningControllers {
  const informers = new SharedInformers(options);
  const running = controllers.map((controller) => startController(controller, informers, options));
  const ready = informers.synced().then(() => {
    for (const { queue } of running) queue.start();
  });
  ready.catch(() => undefined);
  return {
    ready,
    stats: () => Object.fromEntries(running.map(({ controller, queue }) => [controller.name, queue.stats()])),
    async stop() {
      informers.stop();
      await Promise.all(running.map(({ queue }) => queue.stop()));
      for (const { recorder } of running) recorder.stop();
    },
  };
}

interface RunningController {
  controller: Controller;
  queue: WorkQueue;
  recorder: EventRecorder;
}

function startController(
  controller: Controller,
  informers: SharedInformers,
  options: HarnessOptions,
): RunningController {
  const { client, clock = systemClock, backoff } = options;
  const logger = options.logger.child({ controller: controller.name });
  const recorder = createEventRecorder(client, {
    component: controller.component ?? `${controller.name}-controller`,
    clock,
    onError: (error) => logger.warn({ err: error }, "event lost"),
  });
  const context: ControllerContext = {
    client,
    logger,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    informer: (ref) => informers.get(ref),
    event: (object, type, reason, message) => recorder.event(object, type, reason, message),
  };
  const queue = new WorkQueue({
    clock,
    backoff,
    workers: controller.workers ?? DEFAULT_WORKERS,
    async process(key) {
      try {
        return await controller.reconcile(key, context);
      } catch (error) {
        // What cannot be made in a namespace on its way out need not be made: trying again would only be noise.
        if (isNamespaceTerminating(error)) return undefined;
        throw error;
      }
    },
    onError(key, error, retryIn) {
      // These only say that the informer is a moment behind: the next try settles it.
      const level = isConflict(error) || isNotFound(error) ? "debug" : "warn";
      logger[level]({ err: error, key, retryIn }, "reconcile failed");
    },
  });
  for (const watched of controller.watches) follow(watched, informers.use(watched), queue, context);
  return { controller, queue, recorder };
}

function follow(watched: Watched, informer: Informer<KubeObject>, queue: WorkQueue, context: ControllerContext): void {
  const keys = watched.keys ?? ((object) => [keyOf(object)]);
  const enqueue = (object: KubeObject, change?: { old?: KubeObject; deleted?: boolean }) => {
    for (const key of keys(object, context, change?.old, change?.deleted)) queue.add(key);
  };
  informer.addHandler({
    onAdd: (object) => enqueue(object),
    onUpdate: (object, old) => enqueue(object, { old }),
    onDelete: (object) => enqueue(object, { deleted: true }),
  });
}

/** One informer per collection, however many controllers watch it. */
class SharedInformers {
  readonly #informers = new Map<string, Informer<KubeObject>>();
  readonly #indexes = new Map<string, unknown>();

  constructor(private readonly options: HarnessOptions) {}

  use(watched: Watched): Informer<KubeObject> {
    const { ref } = watched;
    const name = groupResource(ref);
    let informer = this.#informers.get(name);
    if (!informer) {
      const { client, clock, logger } = this.options;
      informer = startInformer<KubeObject>(client, ref, {
        clock,
        onError: (error) => logger.warn({ err: error }, "watch broken"),
      });
      this.#informers.set(name, informer);
    }
    for (const [index, values] of Object.entries(watched.indexes ?? {})) {
      const known = this.#indexes.get(`${name} ${index}`);
      if (known === values) continue;
      if (known) throw new Error(`two different indexes of ${name} are called ${index}`);
      this.#indexes.set(`${name} ${index}`, values);
      informer.addIndex(index, values);
    }
    return informer;
  }

  get<T extends KubeObject>(ref: ResourceRef<T>): Informer<T> {
    const informer = this.#informers.get(groupResource(ref));
    if (!informer) throw new Error(`${groupResource(ref)} is not among the watches`);
    return informer as unknown as Informer<T>;
  }

  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced));
  }

  stop(): void {
    for (const informer of this.#informers.values()) informer.stop();
  }
}
