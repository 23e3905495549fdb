/** The resource types that controllers, scheduler and agent talk about. */
import type {
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  ControllerRevision,
  CoreV1Event,
  CronJob,
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  DaemonSet,
  Deployment,
  DeviceClass,
  EndpointSlice,
  Endpoints,
  EventsV1Event,
  HorizontalPodAutoscaler,
  Ingress,
  IngressClass,
  IPAddress,
  Job,
  Lease,
  LimitRange,
  Namespace,
  NetworkPolicy,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  PodPeer,
  PodTemplate,
  PriorityClass,
  ReplicaSet,
  ReplicationController,
  ResourceClaimTemplate,
  ResourceQuota,
  ResourceSlice,
  ResourceV1ResourceClaim,
  Role,
  RoleBinding,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  ServiceCIDR,
  StatefulSet,
  StorageClass,
  V1beta1ClusterTrustBundle,
  V1beta1NodeMetrics,
  V1beta1PodMetrics,
  V2HorizontalPodAutoscaler,
  VolumeAttachment,
  VolumeAttributesClass,
} from "./generated/types.js";
import type { KubeObject } from "./object.js";
import type { ResourceRef } from "./resource.js";

function ref<T extends KubeObject>(
  group: string,
  version: string,
  plural: string,
  kind: string,
  namespaced = true,
): ResourceRef<T> {
  return { group, version, plural, kind, namespaced };
}

export const namespaces = ref<Namespace>("", "v1", "namespaces", "Namespace", false);
export const nodes = ref<Node>("", "v1", "nodes", "Node", false);
export const pods = ref<Pod>("", "v1", "pods", "Pod");
export const podTemplates = ref<PodTemplate>("", "v1", "podtemplates", "PodTemplate");
export const replicationControllers = ref<ReplicationController>(
  "",
  "v1",
  "replicationcontrollers",
  "ReplicationController",
);
export const services = ref<Service>("", "v1", "services", "Service");
export const endpoints = ref<Endpoints>("", "v1", "endpoints", "Endpoints");
export const configMaps = ref<ConfigMap>("", "v1", "configmaps", "ConfigMap");
export const secrets = ref<Secret>("", "v1", "secrets", "Secret");
export const limitRanges = ref<LimitRange>("", "v1", "limitranges", "LimitRange");
export const resourceQuotas = ref<ResourceQuota>("", "v1", "resourcequotas", "ResourceQuota");
export const serviceAccounts = ref<ServiceAccount>("", "v1", "serviceaccounts", "ServiceAccount");
export const events = ref<CoreV1Event>("", "v1", "events", "Event");
export const endpointSlices = ref<EndpointSlice>("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice");
export const clusterTrustBundles = ref<V1beta1ClusterTrustBundle>(
  "certificates.k8s.io",
  "v1beta1",
  "clustertrustbundles",
  "ClusterTrustBundle",
  false,
);
export const persistentVolumes = ref<PersistentVolume>("", "v1", "persistentvolumes", "PersistentVolume", false);
export const persistentVolumeClaims = ref<PersistentVolumeClaim>(
  "",
  "v1",
  "persistentvolumeclaims",
  "PersistentVolumeClaim",
);
const rbac = <T extends KubeObject>(plural: string, kind: string, namespaced = false) =>
  ref<T>("rbac.authorization.k8s.io", "v1", plural, kind, namespaced);
export const roles = rbac<Role>("roles", "Role", true);
export const clusterRoles = rbac<ClusterRole>("clusterroles", "ClusterRole");
export const roleBindings = rbac<RoleBinding>("rolebindings", "RoleBinding", true);
export const clusterRoleBindings = rbac<ClusterRoleBinding>("clusterrolebindings", "ClusterRoleBinding");
const storage = <T extends KubeObject>(plural: string, kind: string, namespaced = false) =>
  ref<T>("storage.k8s.io", "v1", plural, kind, namespaced);
export const storageClasses = storage<StorageClass>("storageclasses", "StorageClass");
export const volumeAttributesClasses = storage<VolumeAttributesClass>(
  "volumeattributesclasses",
  "VolumeAttributesClass",
);
export const volumeAttachments = storage<VolumeAttachment>("volumeattachments", "VolumeAttachment");
export const csiDrivers = storage<CSIDriver>("csidrivers", "CSIDriver");
export const csiNodes = storage<CSINode>("csinodes", "CSINode");
export const csiStorageCapacities = storage<CSIStorageCapacity>("csistoragecapacities", "CSIStorageCapacity", true);
export const leases = ref<Lease>("coordination.k8s.io", "v1", "leases", "Lease");
export const runtimeClasses = ref<RuntimeClass>("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", false);
export const priorityClasses = ref<PriorityClass>("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false);
export const deviceClasses = ref<DeviceClass>("resource.k8s.io", "v1", "deviceclasses", "DeviceClass", false);
export const resourceClaims = ref<ResourceV1ResourceClaim>("resource.k8s.io", "v1", "resourceclaims", "ResourceClaim");
export const resourceClaimTemplates = ref<ResourceClaimTemplate>(
  "resource.k8s.io",
  "v1",
  "resourceclaimtemplates",
  "ResourceClaimTemplate",
);
export const resourceSlices = ref<ResourceSlice>("resource.k8s.io", "v1", "resourceslices", "ResourceSlice", false);
export const ingresses = ref<Ingress>("networking.k8s.io", "v1", "ingresses", "Ingress");
export const ingressClasses = ref<IngressClass>("networking.k8s.io", "v1", "ingressclasses", "IngressClass", false);
export const horizontalPodAutoscalers = ref<V2HorizontalPodAutoscaler>(
  "autoscaling",
  "v2",
  "horizontalpodautoscalers",
  "HorizontalPodAutoscaler",
);
export const podDisruptionBudgets = ref<PodDisruptionBudget>(
  "policy",
  "v1",
  "poddisruptionbudgets",
  "PodDisruptionBudget",
);
export const deployments = ref<Deployment>("apps", "v1", "deployments", "Deployment");
export const replicaSets = ref<ReplicaSet>("apps", "v1", "replicasets", "ReplicaSet");
export const statefulSets = ref<StatefulSet>("apps", "v1", "statefulsets", "StatefulSet");
export const daemonSets = ref<DaemonSet>("apps", "v1", "daemonsets", "DaemonSet");
export const jobs = ref<Job>("batch", "v1", "jobs", "Job");
export const cronJobs = ref<CronJob>("batch", "v1", "cronjobs", "CronJob");
export const controllerRevisions = ref<ControllerRevision>("apps", "v1", "controllerrevisions", "ControllerRevision");
export const ipAddresses = ref<IPAddress>("networking.k8s.io", "v1", "ipaddresses", "IPAddress", false);
export const serviceCIDRs = ref<ServiceCIDR>("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", false);
export const networkPolicies = ref<NetworkPolicy>("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy");
/** Other versions of what is stored as {@link horizontalPodAutoscalers} and {@link events}. */
export const horizontalPodAutoscalersV1: ResourceRef<HorizontalPodAutoscaler> = {
  ...ref<HorizontalPodAutoscaler>("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
  readOnly: true,
};
export const eventsV1: ResourceRef<EventsV1Event> = {
  ...ref<EventsV1Event>("events.k8s.io", "v1", "events", "Event"),
  readOnly: true,
};
export const podPeers: ResourceRef<PodPeer> = {
  ...ref<PodPeer>("policy.berth.dev", "v1", "podpeers", "PodPeer"),
  readOnly: true,
};
export const nodeMetrics: ResourceRef<V1beta1NodeMetrics> = {
  ...ref<V1beta1NodeMetrics>("metrics.k8s.io", "v1beta1", "nodes", "NodeMetrics", false),
  readOnly: true,
};
export const podMetrics: ResourceRef<V1beta1PodMetrics> = {
  ...ref<V1beta1PodMetrics>("metrics.k8s.io", "v1beta1", "pods", "PodMetrics"),
  readOnly: true,
};
