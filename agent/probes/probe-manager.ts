/** The probes of all running containers: started and stopped with them, independent of the Pod workers. */
import type { Container, Pod, Probe } from "#api/generated/types.js";
import type { Clock } from "#client/clock.js";
import type { Runtime } from "../runtime/runtime.js";
import type { ProbeResult } from "./probe-result.js";
import { type ProbeKind, ProbeWorker } from "./probe-worker.js";
import { runProbe } from "./run-probe.js";

export interface ProbeManagerOptions {
  runtime: Runtime;
  clock: Clock;
  random?: () => number;
  /** A verdict about one of the Pod's containers changed. */
  onChange(podUid: string): void;
  /** Records an Event about the container. */
  say(pod: Pod, container: Container, reason: string, message: string): void;
}

export interface ProbedContainer {
  pod: Pod;
  container: Container;
  id: string;
  startedAt: number;
  podIP: string;
  /** What the API said when the agent began: a restarted agent does not make healthy containers unready. */
  wasReady: boolean;
  wasStarted: boolean;
}

export interface Verdict {
  /** Message of the Killing Event. */
  message: string;
  /** Of the probe, where it has its own. */
  graceSeconds?: number;
}

interface Entry extends ProbedContainer {
  workers: Map<ProbeKind, ProbeWorker>;
  ready: boolean;
  started: boolean;
  /** Why the container has to be killed, and with what grace if not the Pod's. */
  condemned?: Verdict;
}

/** Containers that started before the agent (by this margin, ms) are probed with a jitter. */
const ALREADY_RUNNING = 5_000;

export class ProbeManager {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly options: ProbeManagerOptions) {}

  /** Idempotent for one container id. */
  add(probed: ProbedContainer): void {
    if (this.#entries.has(probed.id)) return;
    const { readinessProbe, startupProbe } = probed.container;
    const entry: Entry = {
      ...probed,
      workers: new Map(),
      started: !startupProbe || probed.wasStarted,
      ready: !readinessProbe || probed.wasReady,
    };
    this.#entries.set(probed.id, entry);
    if (entry.started) this.#startMain(entry);
    else if (startupProbe) this.#startWorker(entry, "startup", startupProbe);
  }

  remove(id: string): void {
    for (const worker of this.#entries.get(id)?.workers.values() ?? []) worker.stop();
    this.#entries.delete(id);
  }

  /** The Pod is going away: only readiness is still of interest. */
  terminate(id: string): void {
    const workers = this.#entries.get(id)?.workers;
    workers?.get("liveness")?.stop();
    workers?.get("startup")?.stop();
  }

  isReady(id: string): boolean {
    const entry = this.#entries.get(id);
    return entry?.started === true && entry.ready;
  }

  isStarted(id: string): boolean {
    return this.#entries.get(id)?.started ?? false;
  }

  /** Condemned containers of the Pod, by id. */
  condemned(podUid: string): Map<string, Verdict> {
    const found = new Map<string, Verdict>();
    for (const entry of this.#entries.values()) {
      if (entry.pod.metadata.uid === podUid && entry.condemned) found.set(entry.id, entry.condemned);
    }
    return found;
  }

  stop(): void {
    for (const id of [...this.#entries.keys()]) this.remove(id);
  }

  #startMain(entry: Entry): void {
    const { livenessProbe, readinessProbe } = entry.container;
    if (livenessProbe) this.#startWorker(entry, "liveness", livenessProbe);
    if (readinessProbe) this.#startWorker(entry, "readiness", readinessProbe);
  }

  #startWorker(entry: Entry, kind: ProbeKind, probe: Probe): void {
    const { clock, runtime, random = Math.random } = this.options;
    const old = clock.now() - entry.startedAt > ALREADY_RUNNING && (entry.wasReady || entry.wasStarted);
    const worker = new ProbeWorker({
      kind,
      probe,
      clock,
      startedAt: entry.startedAt,
      jitter: old ? random() * (probe.periodSeconds || 10) * 1000 : 0,
      run: () => runProbe(probe, { runtime, container: entry.container, containerId: entry.id, podIP: entry.podIP }),
      onVerdict: (healthy) => this.#judge(entry, kind, healthy),
      onFailure: (result) => this.#tell(entry, kind, result),
    });
    entry.workers.set(kind, worker);
    worker.start();
  }

  #judge(entry: Entry, kind: ProbeKind, healthy: boolean): void {
    if (this.#entries.get(entry.id) !== entry) return;
    if (kind === "readiness") entry.ready = healthy;
    else if (!healthy) {
      const message = `Container ${entry.container.name} failed ${kind} probe, will be restarted`;
      const graceSeconds = entry.container[`${kind}Probe`]?.terminationGracePeriodSeconds;
      entry.condemned = { message, graceSeconds };
      for (const worker of entry.workers.values()) worker.stop();
    } else if (kind === "startup" && !entry.started) {
      entry.started = true;
      for (const worker of entry.workers.values()) worker.stop();
      this.#startMain(entry);
    }
    this.options.onChange(entry.pod.metadata.uid);
  }

  #tell(entry: Entry, kind: ProbeKind, { outcome, message }: ProbeResult): void {
    const name = kind[0]?.toUpperCase() + kind.slice(1);
    const verb = outcome === "error" ? "probe errored and resulted in unknown state" : "probe failed";
    this.options.say(entry.pod, entry.container, "Unhealthy", `${name} ${verb}: ${message}`);
  }
}
