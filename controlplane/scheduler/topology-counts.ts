import type { NodeInfo } from "./node-info.js";

export const topologyValue = ({ node }: NodeInfo, topologyKey: string): string | undefined =>
  node.metadata.labels?.[topologyKey];

/** Numbers for each domain of a topology: for each zone, when the key is that of the zone. */
export class TopologyCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  /** Nothing happens for a node without the label. */
  add(topologyKey: string, node: NodeInfo, amount: number): void {
    const value = topologyValue(node, topologyKey);
    if (value === undefined) return;
    const domains = this.domains(topologyKey);
    this.#counts.set(topologyKey, domains.set(value, (domains.get(value) ?? 0) + amount));
  }

  /** Of the domain that the node is in. */
  of(topologyKey: string, node: NodeInfo): number {
    const value = topologyValue(node, topologyKey);
    return value === undefined ? 0 : (this.#counts.get(topologyKey)?.get(value) ?? 0);
  }

  /** The sum of all numbers that concern the node. */
  sumFor(node: NodeInfo): number {
    let sum = 0;
    for (const topologyKey of this.#counts.keys()) sum += this.of(topologyKey, node);
    return sum;
  }

  /** Of one topology, by the label's value. */
  domains(topologyKey: string): Map<string, number> {
    return this.#counts.get(topologyKey) ?? new Map();
  }
}
