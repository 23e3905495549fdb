import type { Plugin, Rejection } from "./framework.js";
import type { NodeInfo } from "./node-info.js";
import type { PodInfo } from "./pod-info.js";

/** Why one node does not take the Pod. */
export interface NodeRejection extends Rejection {
  readonly plugin: string;
}

export type Choice = { readonly nodeName: string } | { readonly rejections: readonly NodeRejection[] };

/** What a decision is made about. */
export interface Field {
  readonly nodes: readonly NodeInfo[];
  /** The same nodes with those Pods too that room is kept for (`Nominations.crowd`): it must fit beside them as well. */
  readonly crowded?: readonly NodeInfo[];
  /** The node that room is kept on for the Pod itself. */
  readonly nominated?: string;
}

/**
 * Decides for one Pod; changes nothing. Of several nodes with the best score one is taken by chance.
 * @param random 0 <= random() < 1
 */
export function chooseNode(
  pod: PodInfo,
  { nodes, crowded = nodes, nominated }: Field,
  plugins: readonly Plugin[],
  random: () => number,
): Choice {
  const states = prepare(pod, nodes, plugins);
  const crowdedStates = crowded === nodes ? states : prepare(pod, crowded, plugins);
  const feasible: NodeInfo[] = [];
  const rejections: NodeRejection[] = [];
  nodes.forEach((node, i) => {
    const full = crowded[i] as NodeInfo;
    const rejection =
      reject(pod, node, plugins, states) ?? (full === node ? undefined : reject(pod, full, plugins, crowdedStates));
    if (rejection) rejections.push(rejection);
    else feasible.push(node);
  });
  if (feasible.length === 0) return { rejections };
  const kept = feasible.find(({ name }) => name === nominated);
  if (kept) return { nodeName: kept.name };
  const scores = score(pod, feasible, { nodes, plugins, states });
  const best = Math.max(...scores);
  const winners = feasible.filter((_, i) => scores[i] === best);
  const winner = winners[Math.floor(random() * winners.length)] as NodeInfo;
  return { nodeName: winner.name };
}

/** Why the Pod cannot go to one of the nodes. */
export function rejectionOn(
  pod: PodInfo,
  index: number,
  nodes: readonly NodeInfo[],
  plugins: readonly Plugin[],
): NodeRejection | undefined {
  return reject(pod, nodes[index] as NodeInfo, plugins, prepare(pod, nodes, plugins));
}

type States = ReadonlyMap<Plugin, unknown>;

const prepare = (pod: PodInfo, nodes: readonly NodeInfo[], plugins: readonly Plugin[]): States =>
  new Map(plugins.map((plugin) => [plugin, plugin.preFilter?.(pod, nodes)]));

function reject(pod: PodInfo, node: NodeInfo, plugins: readonly Plugin[], states: States): NodeRejection | undefined {
  for (const plugin of plugins) {
    const rejection = plugin.filter?.(pod, node, states.get(plugin));
    if (rejection) return { plugin: plugin.name, ...rejection };
  }
  return undefined;
}

interface All {
  readonly nodes: readonly NodeInfo[];
  readonly plugins: readonly Plugin[];
  readonly states: States;
}

function score(pod: PodInfo, feasible: readonly NodeInfo[], { nodes, plugins, states }: All): number[] {
  const totals = feasible.map(() => 0);
  if (feasible.length === 1) return totals;
  for (const plugin of plugins) {
    const { scoring } = plugin;
    if (!scoring) continue;
    const state = scoring.prepare ? scoring.prepare(pod, feasible, nodes) : states.get(plugin);
    const raw = feasible.map((node) => scoring.score(pod, node, state));
    const scores = scoring.normalize ? scoring.normalize(raw) : raw;
    for (const [i, value] of scores.entries()) totals[i] = (totals[i] as number) + scoring.weight * value;
  }
  return totals;
}
