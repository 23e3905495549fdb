/** Which containers run again when they have ended. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy */
import type { Container, ContainerRestartRule, Pod } from "#api/generated/types.js";

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

/**
 * Is the container, having ended with that code, to be started again? Its own rules come first, then its own policy, then
 * the Pod's. An init container that was successful is through.
 */
export function shouldRestart(pod: Pod, container: Container, exitCode: number, init: boolean): boolean {
  if (init && isSidecar(container)) return true;
  if (init && exitCode === 0) return false;
  const rule = container.restartPolicyRules?.find((candidate) => applies(candidate, exitCode));
  if (rule) return rule.action === "Restart";
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? "Always";
  if (policy === "Always") return true;
  return policy === "OnFailure" && exitCode !== 0;
}

function applies({ exitCodes }: ContainerRestartRule, exitCode: number): boolean {
  const listed = exitCodes?.values?.includes(exitCode) ?? false;
  return exitCodes?.operator === "NotIn" ? exitCode !== 0 && !listed : listed;
}
