/** Keeps EndpointSlices of a Service in step with the Pods it selects. */
import type { EndpointSlice, Node } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { quantityMilli } from "#api/quantity.js";
import { endpointSlices, nodes, pods, services } from "#api/refs.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { isAuto } from "./endpointslice/hints.js";
import { MANAGED_BY, MANAGER, planSlices, SERVICE_NAME } from "./endpointslice/plan.js";
import { writeSlices } from "./endpointslice/write.js";
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
      watch({ ref: nodes, keys: onChangedNode }),
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
        zoneCpu: isAuto(service) ? cpuOfZones(context.informer(nodes).list()) : undefined,
        triggerTime: triggers.next(key, service, selected),
      });
      await writeSlices(key, plan, writes, context);
      return undefined;
    },
  };
}

/** Milli-CPU of each zone; undefined when a ready node is in no zone, or does not say what it has. */
function cpuOfZones(all: readonly Node[]): Map<string, number> | undefined {
  const cpu = new Map<string, number>();
  for (const { metadata, status } of all.filter(isReady)) {
    const zone = metadata.labels?.[ZONE];
    const has = status?.allocatable?.["cpu"];
    if (!zone || has === undefined) return undefined;
    cpu.set(zone, (cpu.get(zone) ?? 0) + quantityMilli(has));
  }
  return cpu;
}

const isReady = ({ status }: Node) =>
  status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True");

/** Zones of nodes are in the endpoints there, and all nodes' CPU in the hints of topology mode Auto. */
function onChangedNode(node: Node, { informer }: ControllerContext, old?: Node, deleted?: boolean): string[] {
  const facts = ({ metadata, status }: Node) => [metadata.labels?.[ZONE], status?.allocatable?.["cpu"]].join();
  const moved = old && old.metadata.labels?.[ZONE] !== node.metadata.labels?.[ZONE];
  if (moved) return informer(services).list().filter(selectsPods).map(keyOf);
  if (old && !deleted && isReady(old) === isReady(node) && facts(old) === facts(node)) return [];
  return informer(services)
    .list()
    .filter((service) => selectsPods(service) && isAuto(service))
    .map(keyOf);
}
