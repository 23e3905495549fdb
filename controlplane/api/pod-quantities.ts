/** What a Pod asks for and is limited to as a whole, written as its author wrote the parts: for people to read. */
import type { Pod, PodSpec } from "./generated/types.js";
import { podLimits, podRequests, type Resources } from "./pod-resources.js";
import { formatQuantity, parseQuantity, quantityFromMilli } from "./quantity.js";

type Kind = "requests" | "limits";

export const podRequestQuantities = (pod: Pod) => written(podRequests(pod), pod.spec, "requests");
export const podLimitQuantities = (pod: Pod) => written(podLimits(pod), pod.spec, "limits");

function written(amounts: Resources, spec: PodSpec, kind: Kind): Record<string, string> {
  const parts = [spec, ...(spec.initContainers ?? []), ...spec.containers].map(({ resources }) => resources?.[kind]);
  const formatOf = (name: string) => {
    const part = [...parts, spec.overhead].find((each) => each?.[name] !== undefined)?.[name];
    return part === undefined ? "DecimalSI" : parseQuantity(part).format;
  };
  const entries = [...amounts].map(([name, amount]): [string, string] => {
    const { nano } = quantityFromMilli(name === "cpu" ? amount : amount * 1000);
    return [name, formatQuantity({ nano, format: formatOf(name) })];
  });
  return Object.fromEntries(entries);
}
