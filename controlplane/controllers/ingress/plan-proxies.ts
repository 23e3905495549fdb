/** Which proxies have to come and go so that every node that takes traffic has one of today's making. */
import type { Node, Pod } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { isPodReady, isPodTerminal } from "#api/pod-state.js";
import { CONFIGURATION_ANNOTATION, proxyName, TEMPLATE_ANNOTATION } from "./proxy-pod.js";

/** A node with this label is to get no traffic from outside. */
const EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers";
/** Taints that Berth sets itself say nothing about what a node is for. */
const OWN_TAINTS = "node.kubernetes.io/";

export interface ProxyPlan {
  readonly create: readonly Draft<Pod>[];
  readonly delete: readonly Pod[];
  /** Know an older configuration. */
  readonly tell: readonly Pod[];
}

export function takesTraffic({ metadata, spec }: Node): boolean {
  if (metadata.deletionTimestamp || metadata.labels?.[EXCLUDED] !== undefined) return false;
  return !(spec?.taints ?? []).some(({ key, effect }) => effect !== "PreferNoSchedule" && !key.startsWith(OWN_TAINTS));
}

/** A new proxy starts only on a node that is ready and not cordoned; one that is there stays through both. */
function takesNew(node: Node): boolean {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
  return ready && node.spec?.unschedulable !== true;
}

/**
 * @param pods the proxies there are
 * @param wanted the Pod of a node, as it is made today
 */
export function planProxies(
  nodes: readonly Node[],
  pods: readonly Pod[],
  wanted: (node: string) => Draft<Pod>,
): ProxyPlan {
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const create: Draft<Pod>[] = [];
  const outdated: Pod[] = [];
  const gone: Pod[] = [];
  const tell: Pod[] = [];
  let settled = true;
  for (const node of nodes.filter(takesTraffic)) {
    const name = proxyName(node.metadata.name);
    const pod = byName.get(name);
    byName.delete(name);
    if (!pod) {
      if (takesNew(node)) create.push(wanted(node.metadata.name));
      continue;
    }
    if (pod.metadata.deletionTimestamp || !isPodReady(pod)) settled = false;
    if (pod.metadata.deletionTimestamp) continue;
    const { annotations = {} } = wanted(node.metadata.name).metadata;
    if (isPodTerminal(pod)) gone.push(pod);
    else if (pod.metadata.annotations?.[TEMPLATE_ANNOTATION] !== annotations[TEMPLATE_ANNOTATION]) outdated.push(pod);
    else if (pod.metadata.annotations?.[CONFIGURATION_ANNOTATION] !== annotations[CONFIGURATION_ANNOTATION])
      tell.push(pod);
  }
  gone.push(...[...byName.values()].filter(({ metadata }) => !metadata.deletionTimestamp));
  gone.push(...replaceable(outdated, settled && create.length === 0));
  return { create, delete: gone, tell };
}

/** Those that serve nobody go at once, those that serve one at a time. */
function replaceable(outdated: readonly Pod[], settled: boolean): Pod[] {
  const idle = outdated.filter((pod) => !isPodReady(pod));
  const [next] = outdated.filter(isPodReady);
  return next && settled && idle.length === 0 ? [next] : idle;
}
