import { notSupported, required } from "#api/field-error.js";
import type { Binding, Pod, PodCondition } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { conflict, invalidObject } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import type { ActionSubresource } from "../kind.js";

/** POST pods/binding: the scheduler's decision. It can be made once. */
export const bindingAction: ActionSubresource<Pod> = {
  bodySchema: "Binding",
  bodyGroup: "",
  bodyVersion: "v1",
  bodyKind: "Binding",
  keepsGeneration: true,
  apply(pod, body) {
    const binding = body as Binding;
    const name = pod.metadata.name ?? "";
    const kind = binding.target?.kind || "Node";
    if (kind !== "Node")
      throw invalidObject(bindingSubject, name, [notSupported("target.kind", kind, ["Node", "<empty>"])]);
    if (!binding.target?.name) throw invalidObject(bindingSubject, name, [required("target.name")]);
    assertBindable(pod, name, binding);
    pod.spec.nodeName = binding.target.name;
    pod.metadata.annotations = mergeIfAny(pod.metadata.annotations, binding.metadata?.annotations);
    pod.metadata.labels = mergeIfAny(pod.metadata.labels, binding.metadata?.labels);
    setScheduled(pod);
    return undefined;
  },
};

const bindingSubject = { group: "", plural: "pods/binding", kind: "Binding" };

function assertBindable(pod: Pod, name: string, binding: Binding): void {
  const uid = binding.metadata?.uid;
  if (uid && uid !== pod.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`;
    throw conflict(pods, name, why);
  }
  if (pod.metadata.deletionTimestamp)
    throw conflict(bindingSubject, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName)
    throw conflict(bindingSubject, name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  if (pod.spec.schedulingGates?.length)
    throw conflict(bindingSubject, name, `pod ${name} has non-empty .spec.schedulingGates`);
}

function mergeIfAny(old: Record<string, string> | undefined, added: Record<string, string> | undefined) {
  return added ? { ...old, ...added } : old;
}

function setScheduled(pod: Pod): void {
  const condition: PodCondition = {
    type: "PodScheduled",
    status: "True",
    lastTransitionTime: formatTime(Date.now()),
  };
  const others = pod.status?.conditions?.filter((c) => c.type !== "PodScheduled") ?? [];
  // What was reserved for it is its own now.
  pod.status = { ...pod.status, conditions: [...others, condition], nominatedNodeName: undefined };
}
