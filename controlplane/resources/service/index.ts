import type { Service } from "#api/generated/types.js";
import { services } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { allocateClusterIPs, CLUSTER_IP_INDEX, clusterIPsOf } from "./allocate-ip.js";
import { allocateNodePorts, NODE_PORT_INDEX, nodePortsOf } from "./allocate-port.js";
import { carryOver, normalizeClusterIPs } from "./carry-over.js";
import { serviceColumns } from "./columns.js";
import { defaultService } from "./defaults.js";
import { serviceStatus } from "./status.js";
import { validateService } from "./validate.js";
import { validateServiceUpdate } from "./validate-update.js";

/** https://kubernetes.io/docs/concepts/services-networking/service/ */
export const service: Kind<Service> = {
  ...services,
  singular: "service",
  shortNames: ["svc"],
  categories: ["all"],
  schema: "Service",
  nameRule: "dns-1035-label",
  columns: serviceColumns,
  subresources: { status: serviceStatus, connect: ["proxy"] },
  defaults: defaultService,
  prepareForCreate(object) {
    object.status = { loadBalancer: {} };
    normalizeClusterIPs(object);
  },
  prepareForUpdate: carryOver,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  indexes: { [CLUSTER_IP_INDEX]: { values: clusterIPsOf }, [NODE_PORT_INDEX]: { values: nodePortsOf } },
  admission: {
    allocate(object, old, context) {
      allocateClusterIPs(object, old, context, Math.random);
      allocateNodePorts(object, old, context, Math.random);
    },
  },
  selectableFields: ({ spec }) => ({ "spec.clusterIP": spec.clusterIP ?? "", "spec.type": spec.type ?? "" }),
};
