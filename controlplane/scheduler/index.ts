import type { Logger } from "pino";
import { namespaces } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { type Clock, systemClock } from "#client/clock.js";
import { startInformer } from "#client/informer.js";
import { plugins } from "./plugins/index.js";
import { Scheduler } from "./scheduler.js";
import { Volumes } from "./volumes.js";

export interface SchedulerStartOptions {
  client: Client;
  logger: Logger;
  clock?: Clock;
  random?: () => number;
}

export interface RunningScheduler {
  /** Resolves when nodes and Pods are known and scheduling has begun. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

export function startScheduler(options: SchedulerStartOptions): RunningScheduler {
  const { client, clock = systemClock, random = Math.random } = options;
  const logger = options.logger.child({ component: "scheduler" });
  const onError = (error: Error) => logger.warn({ err: error }, "namespaces and volumes");
  const known = startInformer(client, namespaces, { clock, onError });
  const namespaceLabels = (name: string) => known.get(name)?.metadata.labels;
  const volumes = new Volumes({ client, clock, onError });
  const used = plugins({ client, clock, namespaceLabels, volumes });
  const prepared = Promise.all([known.synced, volumes.synced]);
  const scheduler = new Scheduler({ client, logger, clock, random, plugins: used, prepared });
  volumes.onChange(() => scheduler.changed("volumes-changed"));
  return {
    ready: scheduler.ready,
    async stop() {
      scheduler.stop();
      known.stop();
      volumes.stop();
    },
  };
}
