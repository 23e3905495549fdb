import type { Pod } from "#api/generated/types.js";
import { type QosClass, qosClassOf } from "#api/pod-qos.js";

export type { QosClass };

/** As the API server has set it; of a Pod that has no status yet, as it would. */
export function qosClass(pod: Pod): QosClass {
  return (pod.status?.qosClass as QosClass | undefined) ?? qosClassOf(pod);
}
