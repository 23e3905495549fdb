/**
 * Readers of EndpointSlices see Endpoints that somebody made by hand for a Service without a selector.
 * https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#mirroring
 */
import type { EndpointSlice, Endpoints, Service } from "#api/generated/types.js";
import { endpointSlices, endpoints, services } from "#api/refs.js";
import { type Controller, watch } from "./controller.js";
import { MANAGED_BY, SERVICE_NAME } from "./endpointslice/plan.js";
import { writeSlices } from "./endpointslice/write.js";
import { MIRRORER, planMirror } from "./endpointslice-mirroring/plan.js";
import { OwnWrites } from "./ownership/own-writes.js";

const SKIP = "endpointslice.kubernetes.io/skip-mirror";
const LEADER = "control-plane.alpha.kubernetes.io/leader";

/** Index values: the Service, of slices this controller made. */
function mirroredService({ metadata }: EndpointSlice): readonly string[] {
  return metadata.labels?.[MANAGED_BY] === MIRRORER ? [`${metadata.namespace}/${metadata.labels[SERVICE_NAME]}`] : [];
}

const isMirrored = ({ metadata }: Endpoints, { spec }: Service) =>
  metadata.labels?.[SKIP] !== "true" &&
  metadata.annotations?.[LEADER] === undefined &&
  Object.keys(spec.selector ?? {}).length === 0;

export function endpointSliceMirroringController(): Controller {
  const writes = new OwnWrites();
  return {
    name: "endpointslice-mirroring",
    component: "endpoint-slice-mirroring-controller",
    watches: [
      watch({ ref: endpoints }),
      watch({ ref: services }),
      watch({ ref: endpointSlices, indexes: { mirroredService }, keys: mirroredService }),
    ],
    async reconcile(key, context) {
      const informer = context.informer(endpointSlices);
      if (!writes.seen(key, informer)) return undefined;
      const slices = informer.byIndex("mirroredService", key);
      const object = context.informer(endpoints).get(key);
      const service = context.informer(services).get(key);
      if (object && service && isMirrored(object, service))
        await writeSlices(key, planMirror(object, slices), writes, context);
      else if (slices.length > 0)
        await writeSlices(key, { create: [], update: [], delete: [...slices] }, writes, context);
      else writes.forget(key);
      return undefined;
    },
  };
}
