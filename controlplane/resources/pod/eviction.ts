import type { Pod } from "#api/generated/types.js";
import type { ActionSubresource } from "../kind.js";

/** POST pods/eviction (`kubectl drain`): a delete that disruption budgets may refuse. There are no budgets yet. */
export const evictionAction: ActionSubresource<Pod> = {
  bodySchema: "Eviction",
  bodyGroup: "policy",
  bodyVersion: "v1",
  bodyKind: "Eviction",
  effect: "delete",
  apply: () => undefined,
};
