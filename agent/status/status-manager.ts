import type { Logger } from "pino";
import type { Pod, PodStatus } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { isConflict, isNotFound, StatusError } from "#api/status-error.js";
import { backoffDelay } from "#client/backoff.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import { Slots } from "../runtime/slots.js";
import { PASSING_CONDITIONS } from "./conditions.js";
import { statusPatch } from "./status-patch.js";

const RETRY = { base: 200, max: 10_000, jitter: 0.2 };
/** Patches under way at a time. */
const PARALLEL = 8;

interface Entry {
  pod: Pod;
  wanted: PodStatus;
  /** What the server has, as far as we know, and at which resourceVersion. */
  known: PodStatus;
  knownVersion: string;
  failures: number;
  writing?: Promise<void>;
}

export interface StatusManagerOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  /** Where a Pod's status is written, if not to the Pod itself; undefined: nowhere yet. */
  target?(pod: Pod): Pod | undefined;
}

/** Writes statuses to the API: what changed, the latest only, one write a Pod at a time, until it is written. */
export class StatusManager {
  readonly #entries = new Map<string, Entry>();
  readonly #slots = new Slots(PARALLEL);
  #stopped = false;

  constructor(private readonly options: StatusManagerOptions) {}

  /** The status last set, with the conditions that others have set on the Pod; or the API's. */
  statusOf(pod: Pod): PodStatus | undefined {
    const wanted = this.#entries.get(pod.metadata.uid)?.wanted;
    if (!wanted) return pod.status;
    const own = new Set(wanted.conditions?.map(({ type }) => type));
    const foreign = (pod.status?.conditions ?? []).filter(
      ({ type }) => !own.has(type) && !PASSING_CONDITIONS.has(type),
    );
    return foreign.length > 0 ? { ...wanted, conditions: [...(wanted.conditions ?? []), ...foreign] } : wanted;
  }

  set(pod: Pod, status: PodStatus): void {
    const wanted = JSON.parse(JSON.stringify(status)) as PodStatus;
    const entry = this.#entryOf(pod);
    entry.wanted = wanted;
    this.#write(entry);
  }

  /** The API shows the Pod like this: if someone else overwrote our status, it is written again. */
  seen(pod: Pod): void {
    const entry = this.#entries.get(pod.metadata.uid);
    if (!entry) return;
    this.#learn(entry, pod);
    this.#write(entry);
  }

  /** The API shows the Pod, which is the node's own, by this mirror. */
  mirrored(uid: string, mirror: Pod): void {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    this.#learn(entry, mirror);
    this.#write(entry);
  }

  /** Resolves when the latest status is written, or cannot be because the Pod is gone. */
  async flush(uid: string): Promise<void> {
    for (let entry = this.#entries.get(uid); entry?.writing; entry = this.#entries.get(uid)) await entry.writing;
  }

  /** The API has, as far as we know, the status last set. */
  isWritten(uid: string): boolean {
    const entry = this.#entries.get(uid);
    return !entry || (!entry.writing && !statusPatch(entry.known, entry.wanted));
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  stop(): void {
    this.#stopped = true;
  }

  #entryOf(pod: Pod): Entry {
    const { uid, resourceVersion } = pod.metadata;
    let entry = this.#entries.get(uid);
    if (!entry) {
      const known = pod.status ?? {};
      entry = { pod, wanted: known, known, knownVersion: resourceVersion, failures: 0 };
      this.#entries.set(uid, entry);
    }
    this.#learn(entry, pod);
    return entry;
  }

  /** An older picture than what we already know (our own write's answer overtook the watch) teaches nothing. */
  #learn(entry: Entry, pod: Pod): void {
    if (BigInt(pod.metadata.resourceVersion || 0) <= BigInt(entry.knownVersion || 0)) return;
    if (pod.metadata.uid === entry.pod.metadata.uid) entry.pod = pod;
    entry.known = pod.status ?? {};
    entry.knownVersion = pod.metadata.resourceVersion;
  }

  #write(entry: Entry): void {
    if (entry.writing || this.#stopped || !statusPatch(entry.known, entry.wanted)) return;
    if (!this.#target(entry)) return;
    entry.writing = this.#slots
      .run(() => this.#writeOnce(entry))
      .catch((error) => this.#retryLater(entry, error))
      .finally(() => {
        entry.writing = undefined;
        if (this.#entries.get(entry.pod.metadata.uid) === entry) this.#write(entry);
      });
  }

  #target({ pod }: Entry): Pod | undefined {
    return this.options.target ? this.options.target(pod) : pod;
  }

  async #writeOnce(entry: Entry): Promise<void> {
    const { wanted } = entry;
    const patch = statusPatch(entry.known, wanted);
    const target = this.#target(entry);
    if (!patch || !target || this.#stopped) return;
    const { name, namespace, uid } = target.metadata;
    const answer = await this.options.client.patch(
      pods,
      name,
      // The uid makes the write fail for another Pod of the same name.
      { type: "application/strategic-merge-patch+json", body: { metadata: { uid }, status: patch } },
      { namespace, subresource: "status" },
    );
    entry.failures = 0;
    this.#learn(entry, answer);
    // Even where the server words it otherwise, it has what we said: nothing to write again.
    entry.known = { ...entry.known, ...wanted };
  }

  async #retryLater(entry: Entry, error: unknown): Promise<void> {
    const { name, namespace, uid } = entry.pod.metadata;
    if (isNotFound(error) || (isConflict(error) && /uid/i.test((error as Error).message))) {
      // A mirror comes again, and then the status is written to it.
      if (this.#target(entry) === entry.pod) this.#entries.delete(uid);
      return;
    }
    const level = error instanceof StatusError && error.code < 500 ? "warn" : "info";
    this.options.logger[level]({ pod: `${namespace}/${name}`, err: error }, "status not written, will be tried again");
    const delay = backoffDelay(entry.failures++, RETRY);
    await new Promise<void>((resolve) => this.options.clock.after(delay, resolve));
  }
}
