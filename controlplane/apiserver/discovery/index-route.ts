/** GET /: what there is besides resources, for people who look around with `kubectl get --raw /`. */
import { jsonReply } from "../reply.js";
import type { Routes } from "../routes.js";

/** To be added after all others. */
export function addIndex(routes: Routes): void {
  const paths = routes.paths("get").sort();
  routes.add("get", "/", () => jsonReply({ paths }));
}
