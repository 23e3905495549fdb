import type { ConfigMap, Secret } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { configMaps, secrets } from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { isNotFound } from "#api/status-error.js";
import type { Client, ListQuery } from "#client/client.js";

/** How long an answer serves: enough for a Deployment's Pods that start together, short enough to follow changes. */
const FRESH_MS = 1_000;

interface Entry {
  object: Promise<KubeObject | undefined>;
  at: number;
}

/** Reads the ConfigMaps and Secrets that Pods name, one by one, as a node is allowed to. Readers at one time share a read. */
export class ConfigSource {
  readonly #entries = new Map<string, Entry>();

  constructor(
    private readonly client: Client,
    private readonly now: () => number,
  ) {}

  /** Undefined when there is none; any other failure rejects. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#read(configMaps, namespace, name);
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#read(secrets, namespace, name);
  }

  /** Any other object, asked of the server each time. */
  get<T extends KubeObject>(ref: ResourceRef<T>, name: string, namespace?: string): Promise<T | undefined> {
    return this.client.get(ref, name, namespace).catch((error) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  async list<T extends KubeObject>(ref: ResourceRef<T>, query: ListQuery): Promise<readonly T[]> {
    return (await this.client.list(ref, query)).items;
  }

  /** The next reads of a namespace ask the server again. */
  expire(namespace: string): void {
    for (const key of this.#entries.keys()) if (key.split("/")[1] === namespace) this.#entries.delete(key);
  }

  #read<T extends KubeObject>(ref: ResourceRef<T>, namespace: string, name: string): Promise<T | undefined> {
    const key = `${ref.plural}/${namespace}/${name}`;
    const now = this.now();
    const entry = this.#entries.get(key);
    if (entry && now - entry.at < FRESH_MS) return entry.object as Promise<T | undefined>;
    for (const [other, { at }] of this.#entries) if (now - at >= FRESH_MS) this.#entries.delete(other);
    const object = this.get(ref, name, namespace).catch((error) => {
      this.#entries.delete(key);
      throw error;
    });
    this.#entries.set(key, { object, at: now });
    return object;
  }
}
