/** Services and EndpointSlices as this node knows them: one copy for all parts of the agent that ask. */
import type { EndpointSlice, Service } from "#api/generated/types.js";
import { endpointSlices, services } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { type Informer, startInformer } from "#client/informer.js";
import { serviceKeyOf } from "./frontends.js";

export interface ServiceInformers {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  /** Resolves when both hold everything. */
  readonly synced: Promise<void>;
  /** @param key "namespace/name" */
  slicesOf(key: string): readonly EndpointSlice[];
  servicesIn(namespace: string): readonly Service[];
  stop(): void;
}

export function followServices(client: Client): ServiceInformers {
  const known = { services: startInformer(client, services), slices: startInformer(client, endpointSlices) };
  known.services.addIndex("namespace", ({ metadata }) => [metadata.namespace ?? ""]);
  known.slices.addIndex("service", (slice) => [serviceKeyOf(slice) ?? ""]);
  const synced = Promise.all([known.services.synced, known.slices.synced]).then(() => undefined);
  synced.catch(() => undefined);
  return {
    ...known,
    synced,
    slicesOf: (key) => known.slices.byIndex("service", key),
    servicesIn: (namespace) => known.services.byIndex("namespace", namespace),
    stop: () => {
      known.services.stop();
      known.slices.stop();
    },
  };
}
