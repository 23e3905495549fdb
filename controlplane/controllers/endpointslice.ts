/** Keeps EndpointSlices of a Service in step with the Pods it selects. */
import type { EndpointSlice } from "#api/generated/types.js";
import { endpointSlices, nodes, pods, services } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { MANAGED_BY, MANAGER, planSlices, SERVICE_NAME, type SlicesPlan } from "./endpointslice/plan.js";
import { OwnWrites } from "./ownership/own-writes.js";
import { namespaceOf, selectsPod, selectsPods, servicesOf } from "./service-endpoints/service-pods.js";
import { TriggerTimes } from "./service-endpoints/trigger-time.js";

const ZONE = "topology.kubernetes.io/zone";

/** Index values: the Service, of slices this controller manages. */
function managedService({ metadata }: EndpointSlice): readonly string[] {
  if (metadata.labels?.[MANAGED_BY] !== MANAGER) return [];
  return [`${metadata.namespace}/${metadata.labels[SERVICE_NAME]}`];
}

export function endpointSliceController(): Controller {
  const writes = new OwnWrites();
  const triggers = new TriggerTimes();
  return {
    name: "endpointslice",
    component: "endpoint-slice-controller",
    workers: 5,
    watches: [
      watch({ ref: services, indexes: { namespace: namespaceOf } }),
      watch({ ref: pods, indexes: { namespace: namespaceOf }, keys: servicesOf }),
      watch({ ref: endpointSlices, indexes: { managedService }, keys: managedService }),
      watch({ ref: nodes, keys: () => [] }),
    ],
    async reconcile(key, context) {
      const sliceInformer = context.informer(endpointSlices);
      const service = context.informer(services).get(key);
      if (!service) {
        writes.forget(key);
        triggers.forget(key);
        return undefined;
      }
      if (!selectsPods(service) || service.metadata.deletionTimestamp) return undefined;
      if (!writes.seen(key, sliceInformer)) return undefined;
      const selected = context
        .informer(pods)
        .byIndex("namespace", service.metadata.namespace ?? "")
        .filter((pod) => selectsPod(service, pod));
      const plan = planSlices({
        service,
        pods: selected,
        slices: sliceInformer.byIndex("managedService", key),
        zoneOf: (node) => context.informer(nodes).get(node)?.metadata.labels?.[ZONE],
        triggerTime: triggers.next(key, service, selected),
      });
      await act(key, plan, writes, context);
      return undefined;
    },
  };
}

/** Creations first: no endpoint is missing from all slices at any moment. */
async function act(key: string, plan: SlicesPlan, writes: OwnWrites, { client }: ControllerContext): Promise<void> {
  for (const slice of plan.create) writes.wrote(key, await client.create(endpointSlices, slice));
  for (const slice of plan.update) writes.wrote(key, await client.update(endpointSlices, slice));
  for (const slice of plan.delete) {
    const { name, namespace, uid } = slice.metadata;
    try {
      await client.delete(endpointSlices, name, namespace, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    writes.removed(key, slice, `${namespace}/${name}`);
  }
}
