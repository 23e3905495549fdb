/** pods/resize: CPU and memory of running containers. https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/ */
import { type FieldError, forbidden, invalid } from "#api/field-error.js";
import type { Container, Pod, ResourceRequirements } from "#api/generated/types.js";
import { qosClassOf } from "#api/pod-qos.js";
import { isMirror } from "#api/pod-state.js";
import type { PartSubresource } from "../kind.js";
import { isSidecar } from "./status-text.js";
import { validatePodSpec } from "./validate-spec.js";

const RESIZABLE = new Set(["cpu", "memory"]);

export const resize: PartSubresource<Pod> = {
  take(pod, { spec }) {
    pod.spec.containers = withSizesOf(pod.spec.containers, spec.containers);
    if (pod.spec.initContainers)
      pod.spec.initContainers = withSizesOf(pod.spec.initContainers, spec.initContainers ?? []);
  },
  validate(pod, old) {
    const errors = validatePodSpec("spec", pod.spec);
    if (errors.length > 0) return errors;
    if (hasPodLevelResources(old)) return [forbidden("[]", "pods with pod-level resources cannot be resized")];
    if (isMirror(pod)) return [forbidden("metadata", "static pods cannot be resized")];
    return [...validateSizes(pod, old), ...validateQos(pod, old)];
  },
};

/**
 * Kubernetes 1.35 resizes such Pods only behind a gate that is off (InPlacePodLevelResourcesVerticalScaling, alpha), neither as a
 * whole nor by container. The field is named as it names it.
 */
const hasPodLevelResources = ({ spec: { resources } }: Pod) =>
  [resources?.limits, resources?.requests].some((list) => Object.keys(list ?? {}).length > 0);

/** Names that are not there, or containers in another order, change nothing: the list itself is not resize's to change. */
function withSizesOf(current: readonly Container[], sent: readonly Container[]): Container[] {
  return current.map((container) => {
    const wanted = sent.find(({ name }) => name === container.name);
    if (!wanted) return container;
    const { resources, resizePolicy } = wanted;
    return { ...container, resources: resources ?? {}, ...(resizePolicy ? { resizePolicy } : {}) };
  });
}

function validateQos(pod: Pod, old: Pod): FieldError[] {
  const text = "Pod QOS Class may not change as a result of resizing";
  const before = old.status?.qosClass ?? qosClassOf(old);
  return qosClassOf(pod) === before ? [] : [invalid("spec", before, text)];
}

function validateSizes({ spec }: Pod, old: Pod): FieldError[] {
  return (["containers", "initContainers"] as const).flatMap((list) =>
    (spec[list] ?? []).flatMap((container, i) => {
      const before = old.spec[list]?.[i];
      const at = `spec.${list}[${i}].resources`;
      const errors = [
        ...validateChange(`${at}.limits`, "limits", container.resources, before?.resources),
        ...validateChange(`${at}.requests`, "requests", container.resources, before?.resources),
      ];
      if (list === "initContainers" && !isSidecar(container) && changed(container, before))
        errors.push(forbidden(at, "resources of non-sidecar init containers cannot be resized"));
      return errors;
    }),
  );
}

const changed = (container: Container, before: Container | undefined) =>
  JSON.stringify(container.resources) !== JSON.stringify(before?.resources);

function validateChange(
  field: string,
  kind: "limits" | "requests",
  next: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
): FieldError[] {
  const [now = {}, old = {}] = [next?.[kind], before?.[kind]];
  return [...new Set([...Object.keys(now), ...Object.keys(old)])].flatMap((name) => {
    if (!RESIZABLE.has(name) && now[name] !== old[name])
      return [forbidden(field, "only cpu and memory resources are mutable")];
    if (now[name] !== undefined || old[name] === undefined) return [];
    return [forbidden(field, `resource ${kind} cannot be removed`)];
  });
}
