import type { Pod } from "#api/generated/types.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Column } from "../kind.js";
import { type PodSummary, summarizePod } from "./status-text.js";

/** A row asks three times for the same pod at the same instant: the last answer is kept. */
let last: { pod: Pod; now: number; summary: PodSummary } | undefined;

function summary(pod: Pod, now: number): PodSummary {
  if (last?.pod !== pod || last.now !== now) last = { pod, now, summary: summarizePod(pod, now) };
  return last.summary;
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const isTrue = (type: string) => pod.status?.conditions?.some((c) => c.type === type && c.status === "True");
  return `${gates.filter((gate) => isTrue(gate.conditionType)).length}/${gates.length}`;
}

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  {
    name: "Ready",
    type: "string",
    description: "Containers of the pod that are ready, out of all.",
    value: (pod, now) => summary(pod, now).ready,
  },
  {
    name: "Status",
    type: "string",
    description: "Where the pod is in its life, with the reason where there is one.",
    value: (pod, now) => summary(pod, now).status,
  },
  {
    name: "Restarts",
    type: "string",
    description: "How often containers of the pod were restarted, and when last.",
    value: (pod, now) => summary(pod, now).restarts,
  },
  ageColumn,
  {
    name: "IP",
    type: "string",
    priority: 1,
    description: "First address of the pod.",
    value: (pod) => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || "<none>",
  },
  {
    name: "Node",
    type: "string",
    priority: 1,
    description: "Node the pod is bound to.",
    value: (pod) => pod.spec.nodeName || "<none>",
  },
  {
    name: "Nominated Node",
    type: "string",
    priority: 1,
    description: "Node on which others were preempted to make room for the pod.",
    value: (pod) => pod.status?.nominatedNodeName || "<none>",
  },
  {
    name: "Readiness Gates",
    type: "string",
    priority: 1,
    description: "Readiness gates that hold, out of all.",
    value: readinessGates,
  },
];
