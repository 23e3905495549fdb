/** Keeps as many Pods of a template running as a ReplicationController asks for. */
import type { ReplicaSet, ReplicationController } from "#api/generated/types.js";
import { replicationControllers } from "#api/refs.js";
import type { Controller } from "./controller.js";
import { replicasController } from "./replicaset/controller.js";

export function replicationController(): Controller {
  return replicasController({ name: "replication", ref: replicationControllers, asSet });
}

/** Its selector is a plain list of labels. */
function asSet(object: ReplicationController): ReplicaSet {
  const { selector, ...spec } = object.spec ?? {};
  return { ...object, spec: { ...spec, selector: { matchLabels: selector } } } as ReplicaSet;
}
