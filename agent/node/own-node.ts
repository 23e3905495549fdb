import type { Node } from "#api/generated/types.js";
import { nodes } from "#api/refs.js";
import { isAlreadyExists, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import { type NodeFacts, newNode, nodeAnnotations, nodeLabels } from "./node-object.js";

/** Sees to it that the Node exists and has our labels and annotations; those and taints of others stay. Idempotent. */
export async function registerNode(client: Client, facts: NodeFacts): Promise<Node> {
  try {
    return await updateMetadata(client, facts, await client.get(nodes, facts.name));
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

async function updateMetadata(client: Client, facts: NodeFacts, node: Node): Promise<Node> {
  const labels = missing(nodeLabels(facts), node.metadata.labels);
  const annotations = missing(nodeAnnotations(facts), node.metadata.annotations);
  if (Object.keys({ ...labels, ...annotations }).length === 0) return node;
  const body = { metadata: { labels, annotations } };
  return client.patch(nodes, facts.name, { type: "application/strategic-merge-patch+json", body });
}

function missing(wanted: Record<string, string>, known: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => known[key] !== value));
}
