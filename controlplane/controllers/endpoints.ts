/** Keeps the older Endpoints object of a Service, for clients that do not read EndpointSlices. */
import type { Endpoints, Pod, Service } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { endpoints, pods, services } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isAlreadyExists, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import { type Controller, watch } from "./controller.js";
import { CAPACITY, endpointSubsets } from "./endpoints/subsets.js";
import { OwnWrites } from "./ownership/own-writes.js";
import {
  HEADLESS_LABEL,
  isHeadless,
  namespaceOf,
  selectsPod,
  selectsPods,
  servicesOf,
  TRIGGER_TIME,
} from "./service-endpoints/service-pods.js";
import { TriggerTimes } from "./service-endpoints/trigger-time.js";

const MANAGED_BY = "endpoints.kubernetes.io/managed-by";
const MANAGER = "endpoint-controller";
const OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity";

/** The object as it should be; what others annotated on it stays. */
export function planEndpoints(
  service: Service,
  selected: readonly Pod[],
  existing: Endpoints | undefined,
  triggerTime: string | undefined,
): { object: Endpoints; changed: boolean } {
  const { name, namespace, labels: serviceLabels } = service.metadata;
  const { [HEADLESS_LABEL]: _, ...own } = serviceLabels ?? {};
  const labels: Record<string, string> = { ...own, [MANAGED_BY]: MANAGER };
  if (isHeadless(service)) labels[HEADLESS_LABEL] = "";
  const subsets = endpointSubsets(service, selected);
  const changed = !semanticEqual(subsets, existing?.subsets) || !semanticEqual(labels, existing?.metadata.labels);
  const { [TRIGGER_TIME]: __, [OVER_CAPACITY]: ___, ...annotations } = existing?.metadata.annotations ?? {};
  if (triggerTime) annotations[TRIGGER_TIME] = triggerTime;
  if (selected.length > CAPACITY) annotations[OVER_CAPACITY] = "truncated";
  const identity = existing?.metadata ?? { name, namespace, creationTimestamp: "", resourceVersion: "", uid: "" };
  return { changed, object: { ...existing, metadata: { ...identity, labels, annotations }, subsets } };
}

export function endpointsController(): Controller {
  const writes = new OwnWrites();
  const triggers = new TriggerTimes();
  return {
    name: "endpoints",
    component: "endpoint-controller",
    workers: 5,
    watches: [
      watch({ ref: services, indexes: { namespace: namespaceOf } }),
      watch({ ref: pods, indexes: { namespace: namespaceOf }, keys: servicesOf }),
      watch({ ref: endpoints, keys: (object) => (object.metadata.labels?.[MANAGED_BY] ? [keyOf(object)] : []) }),
    ],
    async reconcile(key, context) {
      const { client } = context;
      const informer = context.informer(endpoints);
      const service = context.informer(services).get(key);
      const existing = informer.get(key);
      if (!service) {
        writes.forget(key);
        triggers.forget(key);
        if (existing?.metadata.labels?.[MANAGED_BY]) await removeEndpoints(client, existing);
        return undefined;
      }
      if (!selectsPods(service) || !writes.seen(key, informer)) return undefined;
      const selected = context
        .informer(pods)
        .byIndex("namespace", service.metadata.namespace ?? "")
        .filter((pod) => selectsPod(service, pod));
      const plan = planEndpoints(service, selected, existing, triggers.next(key, service, selected));
      if (existing && !plan.changed) return undefined;
      if (existing) writes.wrote(key, await client.update(endpoints, plan.object));
      else writes.wrote(key, await createEndpoints(client, plan.object));
      return undefined;
    },
  };
}

async function createEndpoints(client: Client, { metadata, subsets }: Endpoints): Promise<Endpoints> {
  const { name, namespace, labels, annotations } = metadata;
  try {
    return await client.create(endpoints, { metadata: { name, namespace, labels, annotations }, subsets });
  } catch (error) {
    // Ours, in a cache that lags: its event brings the key back.
    if (isAlreadyExists(error)) return client.get(endpoints, name, namespace);
    throw error;
  }
}

async function removeEndpoints(client: Client, { metadata }: Endpoints): Promise<void> {
  const { name, namespace, uid } = metadata;
  try {
    await client.delete(endpoints, name, namespace, { preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
