/**
 * How lists behave under apply and patch, reviewed by hand against the tags of the Kubernetes 1.35 API types: the models of
 * client-node do not say. A list of objects without a merge key is replaced as a whole by a strategic merge patch,
 * so every list must stand here, as a map, as a set, or by name as atomic; the generator refuses one that does not.
 */

const byName = { keys: ["name"], merge: "name" };
const byType = { keys: ["type"], merge: "type" };
const byMountPath = { keys: ["mountPath"], merge: "mountPath" };
const byDevicePath = { keys: ["devicePath"], merge: "devicePath" };
const containerPorts = { keys: ["containerPort", "protocol"], merge: "containerPort" };

/** "Type.field" → the fields that identify an element (server-side apply) and the one that does in a strategic merge. */
export const mapLists = {
  "AllocatedDeviceStatus.conditions": { keys: ["type"] },
  "APIServiceStatus.conditions": byType,
  "CertificateSigningRequestStatus.conditions": { keys: ["type"] },
  "Container.env": byName,
  "Container.ports": containerPorts,
  "Container.volumeDevices": byDevicePath,
  "Container.volumeMounts": byMountPath,
  "ContainerStatus.allocatedResourcesStatus": byName,
  "ContainerStatus.volumeMounts": byMountPath,
  "CSINodeSpec.drivers": byName,
  "CustomResourceDefinitionStatus.conditions": { keys: ["type"] },
  "DaemonSetStatus.conditions": byType,
  "DeploymentStatus.conditions": byType,
  "EphemeralContainer.env": byName,
  "EphemeralContainer.ports": containerPorts,
  "EphemeralContainer.volumeDevices": byDevicePath,
  "EphemeralContainer.volumeMounts": byMountPath,
  "V2HorizontalPodAutoscalerStatus.conditions": byType,
  "JSONSchemaProps.x-kubernetes-validations": { keys: ["rule"], merge: "rule" },
  "MutatingWebhook.matchConditions": byName,
  "MutatingWebhookConfiguration.webhooks": byName,
  "NamespaceStatus.conditions": byType,
  "NodeStatus.addresses": byType,
  "NodeStatus.conditions": byType,
  "ObjectMeta.ownerReferences": { keys: ["uid"], merge: "uid" },
  "PersistentVolumeClaimStatus.conditions": byType,
  "PodDisruptionBudgetStatus.conditions": byType,
  "PodSpec.containers": byName,
  "PodSpec.ephemeralContainers": byName,
  "PodSpec.hostAliases": { keys: ["ip"], merge: "ip" },
  "PodSpec.imagePullSecrets": byName,
  "PodSpec.initContainers": byName,
  "PodSpec.resourceClaims": { ...byName, retainKeys: true },
  "PodSpec.schedulingGates": byName,
  "PodSpec.topologySpreadConstraints": { keys: ["topologyKey", "whenUnsatisfiable"], merge: "topologyKey" },
  "PodSpec.volumes": { ...byName, retainKeys: true },
  "PodStatus.conditions": byType,
  "PodStatus.podIPs": { keys: ["ip"], merge: "ip" },
  "PodStatus.resourceClaimStatuses": { ...byName, retainKeys: true },
  "ReplicaSetStatus.conditions": byType,
  "ReplicationControllerStatus.conditions": byType,
  "ResourceClaimStatus.devices": { keys: ["driver", "device", "pool", "shareID"] },
  "ResourceClaimStatus.reservedFor": { keys: ["uid"], merge: "uid" },
  "ResourceRequirements.claims": { keys: ["name"] },
  "ResourceStatus.resources": { keys: ["resourceID"] },
  "ServiceAccount.secrets": byName,
  "ServiceSpec.ports": { keys: ["port", "protocol"], merge: "port" },
  "ServiceStatus.conditions": byType,
  "ServiceCIDRStatus.conditions": byType,
  "StatefulSetStatus.conditions": byType,
  "JobStatus.conditions": { atomic: true, merge: "type" },
  "PodStatus.hostIPs": { atomic: true, merge: "ip" },
  "ValidatingWebhook.matchConditions": byName,
  "ValidatingWebhookConfiguration.webhooks": byName,
};
/** Lists of scalars whose elements are the identity. `merge`: a strategic merge patch adds to the list. */
export const setLists = {
  "CSIDriverSpec.volumeLifecycleModes": {},
  "Endpoint.addresses": {},
  "NodeSpec.podCIDRs": { merge: true },
  "ObjectMeta.finalizers": { merge: true },
  "JSONSchemaProps.x-kubernetes-list-map-keys": {},
  "ContainerRestartRuleOnExitCodes.values": {},
  "PodFailurePolicyOnExitCodesRequirement.values": {},
  "UncountedTerminatedPods.failed": {},
  "UncountedTerminatedPods.succeeded": {},
};

/** Lists that are replaced as a whole. */
export const atomicLists = `
V1beta1PodMetrics.containers
AggregationRule.clusterRoleSelectors CapacityRequestPolicy.validValues Device.bindingConditions
Device.bindingFailureConditions Device.consumesCounters Device.taints DeviceAllocationConfiguration.requests
DeviceAllocationResult.config DeviceAllocationResult.results DeviceClaim.config DeviceClaim.constraints
DeviceClaim.requests DeviceClaimConfiguration.requests DeviceClassSpec.config DeviceClassSpec.selectors
DeviceConstraint.requests DeviceRequest.firstAvailable DeviceRequestAllocationResult.bindingConditions
DeviceRequestAllocationResult.bindingFailureConditions DeviceRequestAllocationResult.tolerations
DeviceSubRequest.selectors DeviceSubRequest.tolerations ExactDeviceRequest.selectors ExactDeviceRequest.tolerations
NetworkDeviceData.ips ResourceSliceSpec.devices ResourceSliceSpec.sharedCounters Capabilities.add Capabilities.drop CephFSPersistentVolumeSource.monitors
CephFSVolumeSource.monitors CertificateSigningRequestSpec.extra CertificateSigningRequestSpec.groups
CertificateSigningRequestSpec.usages ClusterRole.rules ClusterRoleBinding.subjects ConfigMapProjection.items
ConfigMapVolumeSource.items Container.args Container.command Container.envFrom Container.resizePolicy
Container.restartPolicyRules ContainerImage.names CronJobStatus.active CSIDriverSpec.tokenRequests
CSINodeDriver.topologyKeys CustomResourceDefinitionNames.categories CustomResourceDefinitionNames.shortNames
CustomResourceDefinitionSpec.versions CustomResourceDefinitionStatus.storedVersions
CustomResourceDefinitionVersion.additionalPrinterColumns CustomResourceDefinitionVersion.selectableFields
DeleteOptions.dryRun DownwardAPIProjection.items DownwardAPIVolumeSource.items EndpointHints.forNodes
EndpointHints.forZones Endpoints.subsets EndpointSlice.endpoints EndpointSlice.ports EndpointSubset.addresses
EndpointSubset.notReadyAddresses EndpointSubset.ports EphemeralContainer.args EphemeralContainer.command
EphemeralContainer.envFrom EphemeralContainer.resizePolicy EphemeralContainer.restartPolicyRules ExecAction.command
FCVolumeSource.targetWWNs FCVolumeSource.wwids FieldSelectorAttributes.requirements FieldSelectorRequirement.values
HostAlias.hostnames HTTPGetAction.httpHeaders HTTPIngressRuleValue.paths IngressLoadBalancerIngress.ports
IngressLoadBalancerStatus.ingress IngressSpec.rules IngressSpec.tls IngressTLS.hosts IPBlock.except
ISCSIPersistentVolumeSource.portals ISCSIVolumeSource.portals JSONSchemaProps.allOf JSONSchemaProps.anyOf
JSONSchemaProps.enum JSONSchemaProps.oneOf JSONSchemaProps.required LabelSelector.matchExpressions
LabelSelectorAttributes.requirements LabelSelectorRequirement.values LimitRangeSpec.limits
LinuxContainerUser.supplementalGroups LoadBalancerIngress.ports LoadBalancerStatus.ingress
MutatingWebhook.admissionReviewVersions MutatingWebhook.rules NamespaceSpec.finalizers NetworkPolicyEgressRule.ports
NetworkPolicyEgressRule.to NetworkPolicyIngressRule.from NetworkPolicyIngressRule.ports NetworkPolicySpec.egress
NetworkPolicySpec.ingress NetworkPolicySpec.policyTypes NodeAffinity.preferredDuringSchedulingIgnoredDuringExecution
NodeSelector.nodeSelectorTerms NodeSelectorRequirement.values NodeSelectorTerm.matchExpressions
NodeSelectorTerm.matchFields NodeSpec.taints NodeStatus.images NodeStatus.runtimeHandlers NodeStatus.volumesAttached
NodeStatus.volumesInUse NonResourceRule.nonResourceURLs NonResourceRule.verbs ObjectMeta.managedFields
PersistentVolumeClaimSpec.accessModes PersistentVolumeClaimStatus.accessModes PersistentVolumeSpec.accessModes
PersistentVolumeSpec.mountOptions PodAffinity.preferredDuringSchedulingIgnoredDuringExecution
PodAffinity.requiredDuringSchedulingIgnoredDuringExecution PodAffinityTerm.matchLabelKeys
PodAffinityTerm.mismatchLabelKeys PodAffinityTerm.namespaces
PodAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution
PodAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution PodDNSConfig.nameservers PodDNSConfig.options
PodDNSConfig.searches PodExtendedResourceClaimStatus.requestMappings PodFailurePolicy.rules
PodFailurePolicyRule.onPodConditions PodPeer.addresses PodPeer.ports PodSecurityContext.supplementalGroups PodSecurityContext.sysctls
PodSpec.readinessGates PodSpec.tolerations PodStatus.containerStatuses PodStatus.ephemeralContainerStatuses
PodStatus.initContainerStatuses PolicyRule.apiGroups PolicyRule.nonResourceURLs PolicyRule.resourceNames
PolicyRule.resources PolicyRule.verbs ProjectedVolumeSource.sources RBDPersistentVolumeSource.monitors
RBDVolumeSource.monitors ResourceQuotaSpec.scopes ResourceRule.apiGroups ResourceRule.resourceNames
ResourceRule.resources ResourceRule.verbs Role.rules RoleBinding.subjects RuleWithOperations.apiGroups
RuleWithOperations.apiVersions RuleWithOperations.operations RuleWithOperations.resources Scheduling.tolerations
ScopedResourceSelectorRequirement.values ScopeSelector.matchExpressions SecretProjection.items
SecretVolumeSource.items ServiceAccount.imagePullSecrets ServiceCIDRSpec.cidrs ServiceSpec.clusterIPs ServiceSpec.externalIPs
ServiceSpec.ipFamilies ServiceSpec.loadBalancerSourceRanges StatefulSetSpec.volumeClaimTemplates StatusDetails.causes
StorageClass.allowedTopologies StorageClass.mountOptions SubjectAccessReviewSpec.extra SubjectAccessReviewSpec.groups
SubjectRulesReviewStatus.nonResourceRules SubjectRulesReviewStatus.resourceRules SuccessPolicy.rules
TokenRequestSpec.audiences TokenReviewSpec.audiences TokenReviewStatus.audiences
TopologySelectorLabelRequirement.values TopologySelectorTerm.matchLabelExpressions
TopologySpreadConstraint.matchLabelKeys UserInfo.extra UserInfo.groups ValidatingWebhook.admissionReviewVersions
V2HorizontalPodAutoscalerSpec.metrics V2HorizontalPodAutoscalerStatus.currentMetrics V2HPAScalingRules.policies
ValidatingWebhook.rules WebhookConversion.conversionReviewVersions
`
  .trim()
  .split(/\s+/);
