/** https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#pod-priority */
import type { Pod, PriorityClass } from "#api/generated/types.js";
import { systemPriority } from "#api/priority.js";
import { pods, priorityClasses } from "#api/refs.js";
import { forbiddenError } from "#api/status-error.js";
import type { AdmissionContext } from "../kind.js";

const PREEMPTS = "PreemptLowerPriority";

type Importance = Required<Pick<PriorityClass, "value" | "preemptionPolicy">>;

/** Resolves priorityClassName into what the scheduler compares. @throws StatusError 403 */
export function setPriority(pod: Pod, old: Pod | undefined, name: string, context: AdmissionContext): void {
  const { spec } = pod;
  if (old) {
    spec.priority ??= old.spec.priority;
    spec.preemptionPolicy ??= old.spec.preemptionPolicy;
    return;
  }
  const isDefault = (each: PriorityClass) => each.globalDefault;
  if (!spec.priorityClassName) spec.priorityClassName = context.list(priorityClasses).find(isDefault)?.metadata.name;
  const { value, preemptionPolicy } = importance(pod, name, context);
  const refuse = (what: string, computed: unknown) => {
    const why = `priority admission controller computed ${computed} from the given PriorityClass name`;
    return forbiddenError(pods, name, `${what} must not be provided in pod spec; ${why}`);
  };
  if (spec.priority !== undefined && spec.priority !== value)
    throw refuse(`the integer value of priority (${spec.priority})`, value);
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy && spec.priorityClassName)
    throw refuse(`the string value of PreemptionPolicy (${spec.preemptionPolicy})`, preemptionPolicy);
  spec.priority = value;
  spec.preemptionPolicy ??= preemptionPolicy;
}

function importance({ spec }: Pod, podName: string, { get }: AdmissionContext): Importance {
  const { priorityClassName } = spec;
  if (!priorityClassName) return { value: 0, preemptionPolicy: PREEMPTS };
  const found = get(priorityClasses, priorityClassName);
  // A cluster that has just been made, or lost them, has its own Pods to run all the same.
  const value = found?.value ?? systemPriority(priorityClassName);
  if (value === undefined)
    throw forbiddenError(pods, podName, `no PriorityClass with name ${priorityClassName} was found`);
  return { value, preemptionPolicy: found?.preemptionPolicy ?? PREEMPTS };
}
