/** Follows Services, their EndpointSlices and namespaces, and publishes what becomes of the zone. */
import { serviceKeyOf } from "#agent/proxy/frontends.js";
import type { EndpointSlice, Namespace, Service } from "#api/generated/types.js";
import { type KubeObject, keyOf } from "#api/object.js";
import { endpointSlices, namespaces, services } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { type Informer, startInformer } from "#client/informer.js";
import { namespaceId, namespacePart, serviceId, servicePart } from "./zone.js";
import { type Publish, ZoneFeed } from "./zone-feed.js";

const BY_SERVICE = "service";

export class ClusterNames {
  /** Resolves when all names there were at the start have been published; rejects when stopped before. */
  readonly published: Promise<void>;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #namespaces: Informer<Namespace>;
  readonly #feed: ZoneFeed;

  constructor(
    client: Client,
    private readonly domain: string,
    publish: Publish,
  ) {
    this.#feed = new ZoneFeed(publish);
    this.#services = startInformer(client, services);
    this.#slices = startInformer(client, endpointSlices);
    this.#namespaces = startInformer(client, namespaces);
    this.#slices.addIndex(BY_SERVICE, (slice) => [serviceKeyOf(slice) ?? ""]);
    follow(this.#services, (service) => this.#serviceChanged(keyOf(service)));
    follow(this.#slices, (slice) => this.#serviceChanged(serviceKeyOf(slice)));
    follow(this.#namespaces, (namespace) => this.#namespaceChanged(namespace));
    const informers = [this.#services, this.#slices, this.#namespaces];
    this.published = Promise.all(informers.map(({ synced }) => synced)).then(() => this.#feed.flush());
    // Who stops it before is not waiting for names any more.
    this.published.catch(() => undefined);
  }

  /** Publishes every name again, for a reader that begins anew. */
  publishAll(): void {
    for (const service of this.#services.list()) this.#serviceChanged(keyOf(service));
    for (const namespace of this.#namespaces.list()) this.#namespaceChanged(namespace);
    this.#feed.flush();
  }

  stop(): void {
    for (const informer of [this.#services, this.#slices, this.#namespaces]) informer.stop();
    this.#feed.stop();
  }

  #serviceChanged(key: string | undefined): void {
    if (key === undefined) return;
    this.#feed.changed(serviceId(key), () => {
      const service = this.#services.get(key);
      return service && servicePart(service, this.#slices.byIndex(BY_SERVICE, key), this.domain);
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
