import { pods } from "#api/refs.js";
import type { Client } from "#client/client.js";
import type { Plugin } from "../framework.js";

export function defaultBinder(client: Client): Plugin {
  return {
    name: "DefaultBinder",
    async bind({ metadata }, nodeName) {
      const { name, namespace, uid } = metadata;
      await client.createSubresource(pods, name, namespace, "binding", {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, uid },
        target: { apiVersion: "v1", kind: "Node", name: nodeName },
      });
    },
  };
}
