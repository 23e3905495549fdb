/**
 * What the models of client-node do not say about types and fields, reviewed by hand against the Kubernetes 1.35 API
 * types. Keys are "Type.field" with the type names of generated/types.ts. The generator refuses an entry that names nothing.
 */

/** Values of string types with a closed set of values: Go type name → values. They become `enum` in OpenAPI. */
export const enums = {
  AddressType: ["FQDN", "IPv4", "IPv6"],
  AppArmorProfileType: ["Localhost", "RuntimeDefault", "Unconfined"],
  ConditionStatus: ["False", "True", "Unknown"],
  DNSPolicy: ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
  DeploymentStrategyType: ["Recreate", "RollingUpdate"],
  FSGroupPolicy: ["File", "None", "ReadWriteOnceWithFSType"],
  HostPathType: ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"],
  IPFamilyPolicy: ["PreferDualStack", "RequireDualStack", "SingleStack"],
  MountPropagationMode: ["Bidirectional", "HostToContainer", "None"],
  NamespacePhase: ["Active", "Terminating"],
  NodeInclusionPolicy: ["Honor", "Ignore"],
  NodeSelectorOperator: ["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"],
  PathType: ["Exact", "ImplementationSpecific", "Prefix"],
  PersistentVolumeMode: ["Block", "Filesystem"],
  PersistentVolumeReclaimPolicy: ["Delete", "Recycle", "Retain"],
  PodFSGroupChangePolicy: ["Always", "OnRootMismatch"],
  PodPhase: ["Failed", "Pending", "Running", "Succeeded", "Unknown"],
  PodQOSClass: ["BestEffort", "Burstable", "Guaranteed"],
  PreemptionPolicy: ["Never", "PreemptLowerPriority"],
  ProcMountType: ["Default", "Unmasked"],
  Protocol: ["SCTP", "TCP", "UDP"],
  PullPolicy: ["Always", "IfNotPresent", "Never"],
  RestartPolicy: ["Always", "Never", "OnFailure"],
  SeccompProfileType: ["Localhost", "RuntimeDefault", "Unconfined"],
  ServiceAffinity: ["ClientIP", "None"],
  ServiceExternalTrafficPolicy: ["Cluster", "Local"],
  ServiceInternalTrafficPolicy: ["Cluster", "Local"],
  ServiceType: ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
  SupplementalGroupsPolicy: ["Merge", "Strict"],
  TaintEffect: ["NoExecute", "NoSchedule", "PreferNoSchedule"],
  TerminationMessagePolicy: ["FallbackToLogsOnError", "File"],
  TolerationOperator: ["Equal", "Exists", "Gt", "Lt"],
  URIScheme: ["HTTP", "HTTPS"],
  UnsatisfiableConstraintAction: ["DoNotSchedule", "ScheduleAnyway"],
  VolumeBindingMode: ["Immediate", "WaitForFirstConsumer"],
};

/** "Type.field" → a Go string type, for error messages, and for `enum` where {@link enums} lists its values. */
export const stringTypes = {
  "AppArmorProfile.type": "AppArmorProfileType",
  "CSIDriverSpec.fsGroupPolicy": "FSGroupPolicy",
  "Container.imagePullPolicy": "PullPolicy",
  "Container.restartPolicy": "ContainerRestartPolicy",
  "Container.terminationMessagePolicy": "TerminationMessagePolicy",
  "ContainerPort.protocol": "Protocol",
  "CoreV1EndpointPort.protocol": "Protocol",
  "DeploymentStrategy.type": "DeploymentStrategyType",
  "DiscoveryV1EndpointPort.protocol": "Protocol",
  "EndpointSlice.addressType": "AddressType",
  "EphemeralContainer.imagePullPolicy": "PullPolicy",
  "EphemeralContainer.terminationMessagePolicy": "TerminationMessagePolicy",
  "HTTPGetAction.scheme": "URIScheme",
  "HTTPIngressPath.pathType": "PathType",
  "HostPathVolumeSource.type": "HostPathType",
  "IngressPortStatus.protocol": "Protocol",
  "LabelSelectorRequirement.operator": "LabelSelectorOperator",
  "NamespaceStatus.phase": "NamespacePhase",
  "NetworkPolicyPort.protocol": "Protocol",
  "NodeSelectorRequirement.operator": "NodeSelectorOperator",
  "ObjectMeta.uid": "UID",
  "PersistentVolumeClaimSpec.volumeMode": "PersistentVolumeMode",
  "PodCondition.status": "ConditionStatus",
  "PodPeerPort.protocol": "Protocol",
  "PodSecurityContext.fsGroupChangePolicy": "PodFSGroupChangePolicy",
  "PodSecurityContext.supplementalGroupsPolicy": "SupplementalGroupsPolicy",
  "PodSpec.dnsPolicy": "DNSPolicy",
  "PodSpec.preemptionPolicy": "PreemptionPolicy",
  "PodSpec.restartPolicy": "RestartPolicy",
  "PodStatus.phase": "PodPhase",
  "PodStatus.qosClass": "PodQOSClass",
  "SeccompProfile.type": "SeccompProfileType",
  "Secret.type": "SecretType",
  "SecurityContext.procMount": "ProcMountType",
  "ServicePort.protocol": "Protocol",
  "ServiceSpec.externalTrafficPolicy": "ServiceExternalTrafficPolicy",
  "ServiceSpec.internalTrafficPolicy": "ServiceInternalTrafficPolicy",
  "ServiceSpec.ipFamilyPolicy": "IPFamilyPolicy",
  "ServiceSpec.sessionAffinity": "ServiceAffinity",
  "ServiceSpec.type": "ServiceType",
  "StorageClass.reclaimPolicy": "PersistentVolumeReclaimPolicy",
  "StorageClass.volumeBindingMode": "VolumeBindingMode",
  "Taint.effect": "TaintEffect",
  "Toleration.effect": "TaintEffect",
  "Toleration.operator": "TolerationOperator",
  "TopologySpreadConstraint.nodeAffinityPolicy": "NodeInclusionPolicy",
  "TopologySpreadConstraint.nodeTaintsPolicy": "NodeInclusionPolicy",
  "TopologySpreadConstraint.whenUnsatisfiable": "UnsatisfiableConstraintAction",
  "VolumeMount.mountPropagation": "MountPropagationMode",
};

/** Strings (or maps of strings) that are quantities. */
export const quantities = `
ContainerStatus.allocatedResources EmptyDirVolumeSource.sizeLimit LimitRangeItem.default LimitRangeItem.defaultRequest
LimitRangeItem.max LimitRangeItem.maxLimitRequestRatio LimitRangeItem.min NodeStatus.allocatable NodeStatus.capacity
PersistentVolumeClaimStatus.allocatedResources PersistentVolumeClaimStatus.capacity PersistentVolumeSpec.capacity
PodSpec.overhead ResourceFieldSelector.divisor ResourceQuotaSpec.hard ResourceQuotaStatus.hard ResourceQuotaStatus.used
ResourceRequirements.limits ResourceRequirements.requests VolumeResourceRequirements.limits
V1beta1NodeMetrics.usage V1beta1ContainerMetrics.usage
VolumeResourceRequirements.requests Overhead.podFixed CapacityRequestPolicy.default CapacityRequestPolicy.validValues
CapacityRequestPolicyRange.max CapacityRequestPolicyRange.min CapacityRequestPolicyRange.step
CapacityRequirements.requests CSIStorageCapacity.capacity CSIStorageCapacity.maximumVolumeSize Counter.value DeviceCapacity.value DeviceRequestAllocationResult.consumedCapacity
`
  .trim()
  .split(/\s+/);

/** Objects that are owned and replaced as one value: x-kubernetes-map-type: atomic. */
export const atomicTypes = `
ConfigMapKeySelector CoreV1EndpointPort DiscoveryV1EndpointPort EndpointAddress FileKeySelector LabelSelector
LocalObjectReference NodeSelector NodeSelectorTerm ObjectFieldSelector ObjectReference OwnerReference RbacV1Subject
ResourceFieldSelector RoleRef ScopeSelector ScopedResourceSelectorRequirement SecretKeySelector SecretReference
ServiceBackendPort TopologySelectorTerm TypedLocalObjectReference
`
  .trim()
  .split(/\s+/);

/** Maps that are owned and replaced as one value. */
export const atomicMaps = ["PodSpec.nodeSelector", "ServiceSpec.selector", "ReplicationControllerSpec.selector"];

/** A strategic merge patch of this object keeps only the keys it lists in $retainKeys. */
export const retainKeys = ["DeploymentSpec.strategy"];

/** Defaults of fields that identify an element: an element without them still has an identity. */
export const keyDefaults = { "ContainerPort.protocol": "TCP", "ServicePort.protocol": "TCP" };

/**
 * Objects that are always present in the server's own form of their parent (struct values in Go, not pointers).
 * Nobody owns their mere presence, so managedFields has no "." for them. Required fields and metadata, spec and status of
 * kinds need no entry.
 */
export const alwaysPresent = `
AllocationResult.devices ResourceClaimSpec.devices ResourceClaimTemplateSpec.metadata
Container.resources ContainerStatus.lastState ContainerStatus.state CoreV1Event.source DaemonSetSpec.template
DaemonSetSpec.updateStrategy DeploymentSpec.strategy DeploymentSpec.template Endpoint.conditions
EphemeralContainer.resources IngressStatus.loadBalancer NetworkPolicySpec.podSelector
NodeDaemonEndpoints.kubeletEndpoint NodeStatus.daemonEndpoints NodeStatus.nodeInfo
PersistentVolumeClaimSpec.resources PodTemplateSpec.metadata PodTemplateSpec.spec ReplicaSetSpec.template
ServiceStatus.loadBalancer StatefulSetSpec.template StatefulSetSpec.updateStrategy
JobSpec.template CronJobSpec.jobTemplate JobTemplateSpec.metadata JobTemplateSpec.spec
`
  .trim()
  .split(/\s+/);

/** Required objects that are pointers in Go: one that was left out stays out, and validation says that it is required. */
export const requiredPointers = `
DaemonSetSpec.selector DeploymentSpec.selector ReplicaSetSpec.selector StatefulSetSpec.selector
`
  .trim()
  .split(/\s+/);
