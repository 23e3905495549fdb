/** pods/eviction: a delete that is taken from the Pod's disruption budget. */
import type { DeleteOptions, Eviction, Pod, PodDisruptionBudget } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { podDisruptionBudgets } from "#api/refs.js";
import { badRequest } from "#api/status-error.js";
import type { ActionSubresource } from "#resources/kind.js";
import { budgetToSpend, markEvicted, spend } from "#resources/pod/eviction.js";
import { CompareFailedError } from "#storage/backend.js";
import { isDryRun } from "../delete-options.js";
import { checkPreconditions, deleteObject } from "../deletion.js";
import { renderValue } from "../render.js";
import type { ApiResponse } from "../request.js";
import { requestObject } from "../request-object.js";
import { retryOnChange } from "../retry-on-change.js";
import { admissionOf, renderOptions, type VerbContext } from "../verb-context.js";
import { writeOptions } from "../write-options.js";
import { bodyTarget } from "./action.js";

export async function evict(context: VerbContext, action: ActionSubresource<KubeObject>): Promise<ApiResponse> {
  const { request, server, kind, store } = context;
  const write = writeOptions(request);
  const { object: eviction, warnings } = requestObject<Eviction>(request, bodyTarget(action), write);
  if (eviction.metadata?.name && eviction.metadata.name !== request.name)
    throw badRequest("name in URL does not match name in Eviction object");
  const options: DeleteOptions = eviction.deleteOptions ?? {};
  const dryRun = write.dryRun || isDryRun(options);
  const admission = admissionOf(context, "DELETE", dryRun);
  let paid = false;
  return retryOnChange(context, async (old) => {
    checkPreconditions(kind, old.object, options);
    if (!paid) await pay(context, old.object as Pod, dryRun);
    paid = true;
    const now = server.now();
    await deleteObject(old, { store, options, admission, now, prepare: (pod) => markEvicted(pod as Pod, now) });
    const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
    return { ...renderValue(success, renderOptions(context), 201), warnings };
  });
}

/** Two at a time cannot take the last one both: the budget is written only as it was read. */
async function pay({ server }: VerbContext, pod: Pod, dryRun: boolean): Promise<void> {
  const { registry } = server;
  const store = registry.store(podDisruptionBudgets);
  for (;;) {
    const budget = budgetToSpend(pod, registry.list(podDisruptionBudgets, pod.metadata.namespace));
    if (!budget || dryRun) return;
    const old = store.find(budget.metadata.name, budget.metadata.namespace);
    if (!old) continue;
    const spent = old.copy();
    spend(spent as PodDisruptionBudget, pod, server.now());
    try {
      await store.put(spent, old);
      return;
    } catch (error) {
      if (!(error instanceof CompareFailedError)) throw error;
    }
  }
}
