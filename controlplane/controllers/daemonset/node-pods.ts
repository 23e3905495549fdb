/** Which nodes a DaemonSet's Pods belong on, and how they get there: by the scheduler, to the node their affinity names. */
import type { DaemonSet, Node, Pod, PodSpec, Toleration } from "#api/generated/types.js";
import { matchesNodeSelection } from "#api/node-selector.js";
import type { Draft } from "#api/object.js";
import { daemonSets } from "#api/refs.js";
import {
  DISK_PRESSURE,
  isTolerated,
  MEMORY_PRESSURE,
  NETWORK_UNAVAILABLE,
  NOT_READY,
  PID_PRESSURE,
  UNREACHABLE,
  UNSCHEDULABLE,
} from "#api/taints.js";
import { podFromTemplate } from "../ownership/pod-from-template.js";

export const REVISION = "controller-revision-hash";
const NAME_FIELD = "metadata.name";

export const revisionOf = ({ metadata }: Pod): string | undefined => metadata.labels?.[REVISION];

const exists = (key: string, effect: string): Toleration => ({ key, operator: "Exists", effect });

/** https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations */
function tolerationsOf({ tolerations = [], hostNetwork }: PodSpec): Toleration[] {
  const own = [
    exists(NOT_READY, "NoExecute"),
    exists(UNREACHABLE, "NoExecute"),
    ...[DISK_PRESSURE, MEMORY_PRESSURE, PID_PRESSURE, UNSCHEDULABLE].map((key) => exists(key, "NoSchedule")),
    ...(hostNetwork ? [exists(NETWORK_UNAVAILABLE, "NoSchedule")] : []),
  ];
  const isOwn = ({ key, effect }: Toleration) => own.some((other) => other.key === key && other.effect === effect);
  return [...tolerations.filter((toleration) => !isOwn(toleration)), ...own];
}

export interface Verdict {
  /** The node is to have a Pod. */
  run: boolean;
  /** One that is there may stay. */
  stay: boolean;
}

export function verdictOf({ spec: { template } }: DaemonSet, node: Node): Verdict {
  const spec = template.spec ?? { containers: [] };
  const isMeant = !spec.nodeName || spec.nodeName === node.metadata.name;
  if (!isMeant || !matchesNodeSelection({ spec }, node)) return { run: false, stay: false };
  const tolerations = tolerationsOf(spec);
  const keeps = (effects: readonly string[]) =>
    (node.spec.taints ?? []).every((taint) => !effects.includes(taint.effect) || isTolerated(tolerations, taint));
  return { run: keeps(["NoSchedule", "NoExecute"]), stay: keeps(["NoExecute"]) };
}

/** The node the Pod is on, or on its way to. */
export function nodeOf({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.flatMap(({ matchFields = [] }) => matchFields).find(({ key }) => key === NAME_FIELD)?.values?.[0];
}

/** The node was chosen by the set's own rules: it takes the place of the template's required affinity. */
export function podFor(set: DaemonSet, node: string, hash: string): Draft<Pod> {
  const draft = podFromTemplate(daemonSets, set, set.spec.template);
  const { spec } = draft;
  const matchFields = [{ key: NAME_FIELD, operator: "In", values: [node] }];
  const nodeAffinity = {
    ...spec.affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
  };
  return {
    ...draft,
    metadata: { ...draft.metadata, labels: { ...draft.metadata.labels, [REVISION]: hash } },
    spec: { ...spec, affinity: { ...spec.affinity, nodeAffinity }, tolerations: tolerationsOf(spec) },
  };
}
