import type { KubeObject, WatchEvent } from "#api/object.js";
import { groupResource, type ResourceRef } from "#api/resource.js";
import { StatusError } from "#api/status-error.js";
import { backoffDelay } from "./backoff.js";
import type { Client, ClientWatch } from "./client.js";
import { type Clock, systemClock } from "./clock.js";

export interface ReflectorOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  clock?: Clock;
  random?: () => number;
  /** Told of every failed list or broken watch; the reflector goes on by itself. */
  onError?(error: Error): void;
}

/** Where a reflector puts what it sees. */
export interface ReflectorSink<T extends KubeObject> {
  /** The whole collection, as it is now. */
  replace(items: readonly T[]): void;
  /** One change; never a BOOKMARK. */
  apply(event: WatchEvent<T>): void;
}

/** A watch that lived this long (ms) or said something was a good one: the next is opened without waiting. */
const HEALTHY_WATCH = 1_000;

/** A watch from this resourceVersion cannot work again: expired, not understood, or from before a restored backup. */
function needsRelist(error: Error | undefined): boolean {
  return error instanceof StatusError && [400, 410, 504].includes(error.code);
}

/**
 * Follows one collection: lists, watches from there, resumes a broken watch at the last resourceVersion seen, and lists
 * again only when the server can no longer serve that version. Retries for ever, 0.1 to 5 s apart.
 */
export class Reflector<T extends KubeObject> {
  readonly #clock: Clock;
  #resourceVersion: string | undefined;
  #mustList = true;
  #attempt = 0;
  #stopped = false;
  #interrupt: (() => void) | undefined;

  constructor(
    private readonly client: Client,
    private readonly ref: ResourceRef<T>,
    private readonly options: ReflectorOptions,
    private readonly sink: ReflectorSink<T>,
  ) {
    this.#clock = options.clock ?? systemClock;
  }

  /** Runs until `stop`. Never rejects. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        if (this.#mustList) await this.#list();
        if (!this.#stopped) await this.#watch();
      } catch (error) {
        const cause = error instanceof Error ? error : new Error(String(error));
        if (needsRelist(cause)) this.#mustList = true;
        this.options.onError?.(new Error(`${groupResource(this.ref)}: ${cause.message}`, { cause }));
        await this.#pause();
      }
    }
  }

  /** Of the last list, event or bookmark. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  stop(): void {
    this.#stopped = true;
    this.#interrupt?.();
  }

  async #list(): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.options;
    const list = await this.client.list(this.ref, { namespace, labelSelector, fieldSelector });
    if (this.#stopped) return;
    this.#mustList = false;
    this.#resourceVersion = list.metadata.resourceVersion ?? "0";
    this.sink.replace(list.items);
  }

  /** Resolves when the watch ended well or was stopped; rejects when it should be retried after a pause. */
  #watch(): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.options;
    const began = this.#clock.monotonic();
    let productive = false;
    let watch: ClientWatch | undefined;
    return new Promise((resolve, reject) => {
      this.#interrupt = () => {
        watch?.close();
        resolve();
      };
      const query = { namespace, labelSelector, fieldSelector, resourceVersion: this.#resourceVersion ?? "0" };
      watch = this.client.watch(this.ref, query, {
        onEvents: (events) => {
          if (this.#stopped) return;
          productive = true;
          this.#take(events);
        },
        onEnd: (error) => {
          this.#interrupt = undefined;
          const healthy = productive || this.#clock.monotonic() - began >= HEALTHY_WATCH;
          if (healthy) this.#attempt = 0;
          if (error || !healthy) reject(error ?? new Error("watch ended at once"));
          else resolve();
        },
      });
    });
  }

  #take(events: readonly WatchEvent<T>[]): void {
    for (const event of events) {
      this.#resourceVersion = event.object.metadata.resourceVersion;
      if (event.type !== "BOOKMARK") this.sink.apply(event);
    }
  }

  #pause(): Promise<void> {
    const delay = backoffDelay(this.#attempt++, { base: 100, max: 5_000, jitter: 0.5, random: this.options.random });
    return new Promise((resolve) => {
      if (this.#stopped) return resolve();
      const cancel = this.#clock.after(delay, resolve);
      this.#interrupt = () => {
        cancel();
        resolve();
      };
    });
  }
}
