/** Every kind Berth serves. Routes, discovery, OpenAPI, storage and columns follow from this list. */
import { clusterTrustBundle } from "./clustertrustbundle.js";
import { configMap } from "./configmap.js";
import { controllerRevision } from "./controllerrevision.js";
import { cronJob } from "./cronjob/index.js";
import { daemonSet } from "./daemonset/index.js";
import { deployment } from "./deployment/index.js";
import { deviceClass } from "./device/device-class.js";
import { resourceClaim } from "./device/resource-claim.js";
import { resourceClaimTemplate } from "./device/resource-claim-template.js";
import { resourceSlice } from "./device/resource-slice.js";
import { endpoints } from "./endpoints/endpoints.js";
import { endpointSlice } from "./endpoints/endpointslice.js";
import { eventsEvent } from "./event/events-v1.js";
import { event } from "./event/index.js";
import { horizontalPodAutoscalerV1 } from "./horizontalpodautoscaler/autoscaling-v1.js";
import { horizontalPodAutoscaler } from "./horizontalpodautoscaler/index.js";
import { ingress } from "./ingress/ingress.js";
import { ingressClass } from "./ingress/ingress-class.js";
import { job } from "./job/index.js";
import type { Kind } from "./kind.js";
import { lease } from "./lease.js";
import { limitRange } from "./limitrange/index.js";
import { nodeMetrics } from "./metrics/node-metrics.js";
import { podMetrics } from "./metrics/pod-metrics.js";
import { namespace } from "./namespace.js";
import { networkPolicy } from "./networkpolicy/index.js";
import { node } from "./node/index.js";
import { persistentVolume } from "./persistentvolume/index.js";
import { persistentVolumeClaim } from "./persistentvolumeclaim/index.js";
import { pod } from "./pod/index.js";
import { podDisruptionBudget } from "./poddisruptionbudget/index.js";
import { podPeer } from "./podpeer.js";
import { podTemplate } from "./podtemplate.js";
import { priorityClass } from "./priorityclass.js";
import { clusterRole } from "./rbac/cluster-role.js";
import { clusterRoleBinding } from "./rbac/cluster-role-binding.js";
import { role } from "./rbac/role.js";
import { roleBinding } from "./rbac/role-binding.js";
import { replicaSet } from "./replicaset.js";
import { replicationController } from "./replicationcontroller.js";
import { resourceQuota } from "./resourcequota/index.js";
import { runtimeClass } from "./runtimeclass.js";
import { secret } from "./secret.js";
import { service } from "./service/index.js";
import { serviceAccount } from "./serviceaccount/index.js";
import { ipAddress } from "./servicecidr/ipaddress.js";
import { serviceCIDR } from "./servicecidr/servicecidr.js";
import { statefulSet } from "./statefulset/index.js";
import { csiDriver } from "./storage/csi-driver.js";
import { csiNode } from "./storage/csi-node.js";
import { csiStorageCapacity } from "./storage/csi-storage-capacity.js";
import { storageClass } from "./storage/storage-class.js";
import { volumeAttachment } from "./storage/volume-attachment.js";
import { volumeAttributesClass } from "./storage/volume-attributes-class.js";

export const kinds: readonly Kind[] = [
  configMap,
  endpoints,
  event,
  limitRange,
  namespace,
  node,
  persistentVolume,
  persistentVolumeClaim,
  pod,
  podTemplate,
  replicationController,
  resourceQuota,
  secret,
  serviceAccount,
  service,
  deployment,
  replicaSet,
  statefulSet,
  daemonSet,
  controllerRevision,
  job,
  cronJob,
  lease,
  role,
  clusterRole,
  roleBinding,
  clusterRoleBinding,
  runtimeClass,
  priorityClass,
  endpointSlice,
  ipAddress,
  serviceCIDR,
  networkPolicy,
  horizontalPodAutoscaler,
  horizontalPodAutoscalerV1,
  podDisruptionBudget,
  podPeer,
  eventsEvent,
  ingress,
  ingressClass,
  clusterTrustBundle,
  nodeMetrics,
  podMetrics,
  deviceClass,
  resourceClaim,
  resourceClaimTemplate,
  resourceSlice,
  storageClass,
  volumeAttributesClass,
  volumeAttachment,
  csiDriver,
  csiNode,
  csiStorageCapacity,
];

const byResource = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));
const byKind = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.kind}`, kind]));

/** The kind behind a URL: ("apps", "v1", "deployments"). */
export function findResource(group: string, version: string, plural: string): Kind | undefined {
  return byResource.get(`${group}/${version}/${plural}`);
}

/** The kind an object names: ("apps", "v1", "Deployment"). */
export function findKind(group: string, version: string, kind: string): Kind | undefined {
  return byKind.get(`${group}/${version}/${kind}`);
}
