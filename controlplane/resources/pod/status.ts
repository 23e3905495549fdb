/** Writes of pods/status: by the agent of the pod's node, and by the scheduler. */
import { type FieldError, forbidden, invalid } from "#api/field-error.js";
import type { ContainerStatus, Pod, PodStatus } from "#api/generated/types.js";
import { invalidEach } from "#api/validation/names.js";
import { ipAddress } from "#api/validation/network.js";
import type { StatusSubresource } from "../kind.js";
import { isSidecar } from "./status-text.js";

/** The single address and the list say the same; clients may write either. */
function mirrorAddresses(status: PodStatus): void {
  if (status.podIPs?.length) status.podIP = status.podIPs[0]?.ip;
  else if (status.podIP) status.podIPs = [{ ip: status.podIP }];
  if (status.hostIPs?.length) status.hostIP ??= status.hostIPs[0]?.ip;
  else if (status.hostIP) status.hostIPs = [{ ip: status.hostIP }];
}

/** A container that ended for good stays ended: status that says otherwise is stale. */
function validateTransitions(
  field: string,
  next: readonly ContainerStatus[] = [],
  old: readonly ContainerStatus[] = [],
  mayRestart: (status: ContainerStatus) => boolean,
): FieldError[] {
  return old.flatMap((before) => {
    const ended = before.state?.terminated;
    const index = next.findIndex((status) => status.name === before.name);
    if (!ended || index < 0 || mayRestart(before) || next[index]?.state?.terminated) return [];
    return [forbidden(`${field}[${index}].state`, "may not be transitioned to non-terminated state")];
  });
}

function validateContainerStates(pod: Pod, old: Pod): FieldError[] {
  const { restartPolicy } = pod.spec;
  if (restartPolicy === "Always") return [];
  const failed = (status: ContainerStatus) => restartPolicy === "OnFailure" && status.state?.terminated?.exitCode !== 0;
  const sidecars = new Set(pod.spec.initContainers?.filter(isSidecar).map((c) => c.name));
  const before = old.status ?? {};
  const after = pod.status ?? {};
  return [
    ...validateTransitions("status.containerStatuses", after.containerStatuses, before.containerStatuses, failed),
    ...validateTransitions(
      "status.initContainerStatuses",
      after.initContainerStatuses,
      before.initContainerStatuses,
      (status) => failed(status) || sidecars.has(status.name),
    ),
  ];
}

function validateAddresses(status: PodStatus): FieldError[] {
  const errors: FieldError[] = [];
  status.podIPs?.forEach(({ ip }, i) => {
    errors.push(...invalidEach(`status.podIPs[${i}]`, ip, ipAddress(ip ?? "")));
  });
  status.hostIPs?.forEach(({ ip }, i) => {
    errors.push(...invalidEach(`status.hostIPs[${i}]`, ip, ipAddress(ip ?? "")));
  });
  if (status.hostIPs?.length && status.hostIP !== status.hostIPs[0]?.ip)
    errors.push(invalid("status.hostIPs[0].ip", status.hostIPs[0]?.ip, "must be equal to `hostIP`"));
  return errors;
}

export const podStatus: StatusSubresource<Pod> = {
  prepare(pod, old) {
    pod.status ??= {};
    pod.status.qosClass ??= old.status?.qosClass;
    mirrorAddresses(pod.status);
    // Kubelets with an old view must not drop owners.
    pod.metadata.ownerReferences = old.metadata.ownerReferences;
    if (pod.metadata.ownerReferences === undefined) delete pod.metadata.ownerReferences;
  },
  validate: (pod, old) => [...validateContainerStates(pod, old), ...validateAddresses(pod.status ?? {})],
};
