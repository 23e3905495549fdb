/** What a controller is: a value. `harness.ts` owns informers, queue, back-off, workers and metrics. */

import type { Logger } from "pino";
import type { KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";
import type { Client } from "#client/client.js";
import type { Informer } from "#client/informer.js";

export interface Controller {
  readonly name: string;
  /** Who its Events come from. Default: `<name>-controller`. */
  readonly component?: string;
  readonly watches: readonly Watched[];
  /** How many keys are reconciled at a time; one key is never reconciled twice at once. Default 2. */
  readonly workers?: number;
  /**
   * Brings the world one step nearer to what the object named by `key` asks for. Level-triggered: it reads current state
   * and may be called any number of times. Throwing means "again, with back-off"; returning a delay in milliseconds means
   * "again, after that time"; returning nothing means "when something changes".
   */
  reconcile(key: string, context: ControllerContext): Promise<number | undefined>;
}

/** Gives a {@link Watched} its type parameter back: `watch({ ref: pods, keys: (pod) => ... })`. */
export function watch<T extends KubeObject>(watched: Watched<T>): Watched {
  return watched as unknown as Watched;
}

/** A collection the controller follows, and which keys a change of one of its objects concerns. */
export interface Watched<T extends KubeObject = KubeObject> {
  readonly ref: ResourceRef<T>;
  /** Keys to reconcile when this object was added, changed (`old` given) or deleted. Default: its own key. */
  keys?(object: T, context: ControllerContext, old?: T, deleted?: boolean): readonly string[];
  /** Indexes to keep on the shared informer: name → values of an object. One name means one function to all controllers. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>;
}

export interface ControllerContext {
  readonly client: Client;
  /** The informer of a collection named in `watches`; it has synced before the first reconcile. */
  informer<T extends KubeObject>(ref: ResourceRef<T>): Informer<T>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a clock that is never set: for how long something has lasted. */
  monotonic(): number;
  readonly logger: Logger;
  /** Records an Event about the object; fire and forget, repeated ones are counted up. */
  event(object: KubeObject, type: "Normal" | "Warning", reason: string, message: string): void;
}
