/** The resources a Pod's containers have been granted by the node: what they ask for, or what they asked for before. */
import type { Container, Pod, ResourceRequirements } from "#api/generated/types.js";
import { isSidecar } from "./restart-policy.js";

/** By name of the container. */
export type Granted = Map<string, ResourceRequirements>;

/** A restarted agent goes on with what the last one reported. */
export function grantedBefore(pod: Pod): Granted {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const known = new Map([...containerStatuses, ...initContainerStatuses].map((status) => [status.name, status]));
  const of = ({ name, resources = {} }: Container) => known.get(name)?.resources ?? resources;
  return new Map(resizable(pod).map((container) => [container.name, of(container)]));
}

export const asked = (pod: Pod): Granted =>
  new Map(resizable(pod).map(({ name, resources = {} }) => [name, resources]));

export const resizable = ({ spec }: Pod): Container[] => [
  ...spec.containers,
  ...(spec.initContainers ?? []).filter(isSidecar),
];

export function withGranted(pod: Pod, granted: Granted): Pod {
  const sized = (container: Container) => ({
    ...container,
    resources: granted.get(container.name) ?? container.resources,
  });
  const { spec } = pod;
  return {
    ...pod,
    spec: { ...spec, containers: spec.containers.map(sized), initContainers: spec.initContainers?.map(sized) },
  };
}

export const asGranted = (pod: Pod): Pod => withGranted(pod, grantedBefore(pod));
