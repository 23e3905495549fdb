/** Follows Services, their EndpointSlices and namespaces, and publishes what becomes of the zone. */
import { serviceKeyOf } from "#agent/proxy/frontends.js";
import type { ServiceInformers } from "#agent/proxy/service-informers.js";
import type { Namespace } from "#api/generated/types.js";
import { type KubeObject, keyOf } from "#api/object.js";
import { namespaces } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { type Informer, startInformer } from "#client/informer.js";
import { namespaceId, namespacePart, serviceId, servicePart } from "./zone.js";
import { type Publish, ZoneFeed } from "./zone-feed.js";

export class ClusterNames {
  /** Resolves when all names there were at the start have been published; rejects when stopped before. */
  readonly published: Promise<void>;
  readonly #namespaces: Informer<Namespace>;
  readonly #feed: ZoneFeed;

  /** @param known stays its owner's to stop */
  constructor(
    client: Client,
    private readonly known: ServiceInformers,
    private readonly domain: string,
    publish: Publish,
  ) {
    this.#feed = new ZoneFeed(publish);
    this.#namespaces = startInformer(client, namespaces);
    follow(known.services, (service) => this.#serviceChanged(keyOf(service)));
    follow(known.slices, (slice) => this.#serviceChanged(serviceKeyOf(slice)));
    follow(this.#namespaces, (namespace) => this.#namespaceChanged(namespace));
    this.published = Promise.all([known.synced, this.#namespaces.synced]).then(() => this.#feed.flush());
    // Who stops it before is not waiting for names any more.
    this.published.catch(() => undefined);
  }

  /** Publishes every name again, for a reader that begins anew. */
  publishAll(): void {
    for (const service of this.known.services.list()) this.#serviceChanged(keyOf(service));
    for (const namespace of this.#namespaces.list()) this.#namespaceChanged(namespace);
    this.#feed.flush();
  }

  stop(): void {
    this.#namespaces.stop();
    this.#feed.stop();
  }

  #serviceChanged(key: string | undefined): void {
    if (key === undefined) return;
    this.#feed.changed(serviceId(key), () => {
      const service = this.known.services.get(key);
      return service && servicePart(service, this.known.slicesOf(key), this.domain);
    });
  }

  #namespaceChanged(namespace: Namespace): void {
    this.#feed.changed(namespaceId(namespace), () => {
      const now = this.#namespaces.get(keyOf(namespace));
      return now && namespacePart(now, this.domain);
    });
  }
}

/** Told of each object that comes, changes or goes; of a change, also of what was before. */
function follow<T extends KubeObject>(informer: Informer<T>, changed: (object: T) => void): void {
  informer.addHandler({
    onAdd: changed,
    onUpdate: (now, old) => {
      changed(old);
      changed(now);
    },
    onDelete: changed,
  });
}
