/**
 * The Pods of a test's namespace through one watch: every state the API ever showed is kept, so that what was there only for
 * a moment is not missed, and what must never be there can be looked for. Waiting costs no process and no polling.
 */
import type { Test } from "tap";
import type { ContainerState, ContainerStatus, Pod } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { events, pods } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { startInformer } from "#client/informer.js";
import { readKubeconfig } from "#client/kubeconfig.js";
import { RestClient } from "#client/rest.js";
import type { Lab } from "#scripts/lab/state.js";
import type { NamespaceSession } from "./lab-session.js";
import { execOverSocket, logOverSocket } from "./pod-streams.js";

const PATIENCE_MS = 90_000;

export class PodWatch {
  readonly #history = new Map<string, Pod[]>();
  readonly #gone = new Set<string>();
  readonly #waiting = new Set<() => void>();

  private constructor(
    readonly client: RestClient,
    readonly namespace: string,
    private readonly lab: Lab,
  ) {}

  static async open(t: Test, { session, name }: NamespaceSession): Promise<PodWatch> {
    const client = new RestClient({ ...readKubeconfig(session.lab.kubeconfig), userAgent: "berth-test/1" });
    const watch = new PodWatch(client, name, session.lab);
    const informer = startInformer(client, pods, { namespace: name });
    t.teardown(() => informer.stop());
    informer.addHandler({
      onAdd: (pod) => watch.#note(pod),
      onUpdate: (pod) => watch.#note(pod),
      onDelete: ({ metadata }) => {
        watch.#gone.add(metadata.name);
        watch.#wake();
      },
    });
    await informer.synced;
    return watch;
  }

  create(pod: object): Promise<Pod> {
    const draft = pod as Draft<Pod>;
    return this.client.create(pods, { ...draft, metadata: { ...draft.metadata, namespace: this.namespace } });
  }

  async createAll(all: readonly object[]): Promise<void> {
    await Promise.all(all.map((pod) => this.create(pod)));
  }

  delete(name: string, gracePeriodSeconds?: number): Promise<unknown> {
    return this.client.delete(pods, name, this.namespace, { gracePeriodSeconds });
  }

  patch(name: string, body: object, subresource?: string): Promise<Pod> {
    const type = "application/strategic-merge-patch+json";
    return this.client.patch(pods, name, { type, body }, { namespace: this.namespace, subresource });
  }

  /** What a command in a container prints. */
  exec(name: string, command: readonly string[], of?: string): Promise<string> {
    return execOverSocket(this.lab, this.namespace, name, command, of);
  }

  log(name: string, of?: string): Promise<string> {
    return logOverSocket(this.lab, this.namespace, name, of);
  }

  /** Messages of the Events about a Pod, with their reasons: "BackOff: Back-off restarting ...". */
  async events(name: string): Promise<string[]> {
    const query = { namespace: this.namespace, fieldSelector: `involvedObject.name=${name}` };
    return (await this.client.list(events, query)).items.map(({ reason, message }) => `${reason}: ${message}`);
  }

  /** Of every Pod that there ever was. */
  names(): string[] {
    return [...this.#history.keys()];
  }

  /** Every state so far, oldest first. */
  history(name: string): readonly Pod[] {
    return this.#history.get(name) ?? [];
  }

  /** Resolves with the first state, of those seen and those to come, for which `check` holds. */
  until(name: string, what: string, check: (pod: Pod) => unknown, timeoutMs = PATIENCE_MS): Promise<Pod> {
    return this.#await(`${name}: ${what}`, () => this.history(name).find(check), name, timeoutMs);
  }

  async gone(name: string, timeoutMs = PATIENCE_MS): Promise<void> {
    await this.#await(`${name}: gone`, () => this.#gone.has(name) || undefined, name, timeoutMs);
  }

  ready(name: string): Promise<Pod> {
    return this.until(name, "ready", (pod) => condition(pod, "Ready")?.status === "True");
  }

  ended(name: string): Promise<Pod> {
    return this.until(name, "at its end", ({ status }) => /Succeeded|Failed/.test(status?.phase ?? ""));
  }

  /** Deletes it if it is there, and waits for its end. */
  async remove(name: string): Promise<void> {
    await this.delete(name).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    await this.gone(name);
  }

  #note(pod: Pod): void {
    const { name } = pod.metadata;
    this.#history.set(name, [...this.history(name), pod]);
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }

  #await<T>(what: string, look: () => T | undefined, name: string, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (finish: () => void) => {
        this.#waiting.delete(attempt);
        clearTimeout(timer);
        finish();
      };
      const attempt = () => {
        const found = look();
        if (found !== undefined) end(() => resolve(found));
      };
      const timer = setTimeout(() => {
        const last = JSON.stringify(this.history(name).at(-1)?.status);
        end(() => reject(new Error(`${what}: not within ${timeoutMs / 1000} s; last: ${last}`)));
      }, timeoutMs);
      this.#waiting.add(attempt);
      attempt();
    });
  }
}

export const condition = ({ status }: Pod, type: string) => status?.conditions?.find((c) => c.type === type);

export function container({ status }: Pod, name = "main"): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find((c) => c.name === name);
}

export const stateOf = (pod: Pod, name?: string): ContainerState => container(pod, name)?.state ?? {};

/** What the container wrote to its termination message path. */
export const lastWords = (pod: Pod, name?: string) => stateOf(pod, name).terminated?.message ?? "";

/** The full name of an upstream conformance test of sig-node. */
export const nodeTest = (name: string) => `[sig-node] ${name} [Conformance]`;
export const nodeConformance = (name: string) => nodeTest(`${name} [NodeConformance]`);

/** A shell command. */
export const sh = (script: string) => ({ command: ["sh", "-c", script] });
/** Runs until it is told to end, and then ends at once. */
export const WAIT = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
