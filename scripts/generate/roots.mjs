/**
 * The kinds whose types and schemas are generated: client-node model name → group/version it belongs to.
 * Every type reachable from a root is generated with it. Add a kind here first; see CONTRIBUTING.md.
 */
export const roots = {
  V1Namespace: "v1",
  V1Node: "v1",
  V1Pod: "v1",
  V1PodTemplate: "v1",
  V1Service: "v1",
  V1Endpoints: "v1",
  V1ConfigMap: "v1",
  V1Secret: "v1",
  V1ServiceAccount: "v1",
  V1Binding: "v1",
  CoreV1Event: "v1",
  V1EndpointSlice: "discovery.k8s.io/v1",
  V1Lease: "coordination.k8s.io/v1",
  V1NetworkPolicy: "networking.k8s.io/v1",
  V1Deployment: "apps/v1",
  V1ReplicaSet: "apps/v1",
  V1Scale: "autoscaling/v1",
  AuthenticationV1TokenRequest: "authentication.k8s.io/v1",
  V1TokenReview: "authentication.k8s.io/v1",
  V1SelfSubjectReview: "authentication.k8s.io/v1",
  V1SelfSubjectAccessReview: "authorization.k8s.io/v1",
  V1SubjectAccessReview: "authorization.k8s.io/v1",
  V1SelfSubjectRulesReview: "authorization.k8s.io/v1",
  V1PodPeer: "policy.berth.dev/v1",
  V1Eviction: "policy/v1",
  V1Status: "v1",
  V1DeleteOptions: "v1",
};
