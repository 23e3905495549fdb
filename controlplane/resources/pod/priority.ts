/** https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/ (PriorityClass objects come later) */
import type { Pod } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { forbiddenError } from "#api/status-error.js";

const builtIn: Readonly<Record<string, number>> = {
  "system-cluster-critical": 2_000_000_000,
  "system-node-critical": 2_000_001_000,
};

/** Resolves priorityClassName into the number the scheduler compares. */
export function setPriority(pod: Pod, old: Pod | undefined, name: string): void {
  const { spec } = pod;
  if (old) {
    spec.priority ??= old.spec.priority;
    spec.preemptionPolicy ??= old.spec.preemptionPolicy;
    return;
  }
  const priority = spec.priorityClassName ? builtIn[spec.priorityClassName] : 0;
  if (priority === undefined)
    throw forbiddenError(pods, name, `no PriorityClass with name ${spec.priorityClassName} was found`);
  if (spec.priority !== undefined && spec.priority !== priority) {
    const computed = `priority admission controller computed ${priority} from the given PriorityClass name`;
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; ${computed}`;
    throw forbiddenError(pods, name, why);
  }
  spec.priority = priority;
  spec.preemptionPolicy ??= "PreemptLowerPriority";
}
