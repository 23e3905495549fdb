/** Keeps as many Pods of a template running as a ReplicaSet asks for. */
import { replicaSets } from "#api/refs.js";
import type { Controller } from "./controller.js";
import { replicasController } from "./replicaset/controller.js";

export function replicaSetController(): Controller {
  return replicasController({ name: "replicaset", ref: replicaSets, asSet: (set) => set });
}
