/** Defaults of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ */
import type { Container, Pod, PodSpec, PodTemplateSpec } from "#api/generated/types.js";
import { defaultContainer, defaultResizePolicy, requestLimits } from "./container-defaults.js";
import { defaultPodResources } from "./pod-level-resources.js";
import { isSidecar } from "./status-text.js";
import { defaultVolume } from "./volume-defaults.js";

/** What holds for a pod and for the pods a template describes, in place. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.containers ??= [];
  spec.dnsPolicy ||= "ClusterFirst";
  spec.restartPolicy ||= "Always";
  spec.schedulerName ||= "default-scheduler";
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) spec.serviceAccountName = spec.serviceAccount = account;
  spec.volumes?.forEach(defaultVolume);
  allContainers(spec).forEach(defaultContainer);
}

export function defaultPodTemplate(template: PodTemplateSpec): void {
  template.metadata ??= {};
  template.spec ??= { containers: [] };
  defaultPodSpec(template.spec);
}

/** On the host's network a container port is a host port. */
function useHostPorts(container: Container): void {
  for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
}

/** A pod's own defaults, on top of those it shares with templates. */
export function defaultPod(pod: Pod): void {
  pod.spec ??= { containers: [] };
  defaultPodSpec(pod.spec);
  const { spec } = pod;
  spec.enableServiceLinks ??= true;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  containers.forEach(requestLimits);
  defaultPodResources(spec);
  spec.containers.forEach(defaultResizePolicy);
  spec.initContainers?.filter(isSidecar).forEach(defaultResizePolicy);
  if (spec.hostNetwork) containers.forEach(useHostPorts);
}

function allContainers(spec: PodSpec): Container[] {
  const ephemeral = (spec.ephemeralContainers ?? []) as Container[];
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...ephemeral];
}
