import type { Node } from "#api/generated/types.js";
import { nodes } from "#api/refs.js";
import { isAlreadyExists, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import { type NodeFacts, newNode, nodeLabels } from "./node-object.js";

/** Sees to it that the Node exists and has our labels; labels and taints of others stay. Idempotent. */
export async function registerNode(client: Client, facts: NodeFacts): Promise<Node> {
  try {
    return await updateLabels(client, facts, await client.get(nodes, facts.name));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    return await client.create(nodes, newNode(facts));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return client.get(nodes, facts.name);
  }
}

async function updateLabels(client: Client, facts: NodeFacts, node: Node): Promise<Node> {
  const known = node.metadata.labels ?? {};
  const missing = Object.entries(nodeLabels(facts)).filter(([key, value]) => known[key] !== value);
  if (missing.length === 0) return node;
  const body = { metadata: { labels: Object.fromEntries(missing) } };
  return client.patch(nodes, facts.name, { type: "application/strategic-merge-patch+json", body });
}
