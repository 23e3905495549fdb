/** Works out what disruption budgets allow: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/ */
import { guards } from "#api/disruption.js";
import type { OwnerReference, Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from "#api/generated/types.js";
import { type KubeObject, keyOf } from "#api/object.js";
import {
  deployments,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
} from "#api/refs.js";
import { groupVersion, type ResourceRef } from "#api/resource.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { budgetStatus, expectation, failedStatus, needsScales, type Scale } from "./disruption/budget.js";
import { controllerOf } from "./ownership/owner-reference.js";

/** What has a size, and makes Pods or what makes them. */
const SCALED = [deployments, replicaSets, statefulSets, replicationControllers] as ResourceRef<Scaled>[];

interface Scaled extends KubeObject {
  spec?: { replicas?: number };
}

export function disruptionController(): Controller {
  return {
    name: "disruption",
    component: "controllermanager",
    watches: [
      watch({ ref: podDisruptionBudgets }),
      watch({ ref: pods, keys: budgetKeys }),
      ...SCALED.map((ref) => watch({ ref, keys: guardsOfScaled })),
    ],
    async reconcile(key, context) {
      const budget = context.informer(podDisruptionBudgets).get(key);
      if (!budget || budget.metadata.deletionTimestamp) return undefined;
      const now = context.now();
      const guarded = context
        .informer(pods)
        .list()
        .filter((pod) => guards(budget, pod));
      const scales = scalesOf(budget, guarded, context);
      if (scales instanceof Error) {
        const why = `Failed to calculate the number of expected pods: ${scales.message}`;
        context.event(budget, "Warning", "CalculateExpectedPodCountFailed", why);
        await write(budget, failedStatus(budget, scales.message, now), context);
        return undefined;
      }
      if (guarded.length === 0) context.event(budget, "Normal", "NoPods", "No matching pods found");
      const { status, overdue, wait } = budgetStatus(
        { budget, pods: guarded, now },
        expectation(budget, guarded, scales),
      );
      for (const pod of overdue)
        context.event(pod, "Warning", "NotDeleted", `Pod was expected by PDB ${key} to be deleted but it wasn't`);
      await write(budget, status, context);
      return wait;
    },
  };
}

const inNamespace = ({ metadata }: KubeObject, context: ControllerContext) =>
  context
    .informer(podDisruptionBudgets)
    .list()
    .filter((budget) => budget.metadata.namespace === metadata.namespace);

function budgetKeys(pod: Pod, context: ControllerContext, old?: Pod): string[] {
  const concerned = (budget: PodDisruptionBudget) => guards(budget, pod) || (old !== undefined && guards(budget, old));
  return inNamespace(pod, context).filter(concerned).map(keyOf);
}

/** What comes or goes brings its Pods along. */
function guardsOfScaled(object: Scaled, context: ControllerContext, old?: Scaled): string[] {
  if (!old || old.spec?.replicas === object.spec?.replicas) return [];
  return inNamespace(object, context).filter(needsScales).map(keyOf);
}

/** The sizes of what the Pods belong to; an Error when one has none, which stands in the budget's status. */
function scalesOf(budget: PodDisruptionBudget, guarded: readonly Pod[], context: ControllerContext): Scale[] | Error {
  if (!needsScales(budget)) return [];
  const scales: Scale[] = [];
  let unmanaged = 0;
  for (const pod of guarded) {
    const owner = controllerOf(pod);
    const scale = owner && scaleOf(pod, owner, context);
    if (scale instanceof Error) return scale;
    if (scale) scales.push(scale);
    else if (!owner) unmanaged++;
  }
  if (unmanaged > 0) context.event(budget, "Warning", "UnmanagedPods", UNMANAGED);
  return scales;
}

const UNMANAGED =
  "Pods that this budget selects belong to no controller, so that its status cannot be calculated correctly. " +
  "For such Pods set spec.minAvailable to a number";

/** Undefined for an owner that is gone: so will its Pods be. */
function scaleOf(pod: Pod, owner: OwnerReference, context: ControllerContext): Scale | Error | undefined {
  const found = find(pod, owner, context);
  if (found instanceof Error || !found) return found;
  // A Deployment says how many, its ReplicaSets follow.
  const above = controllerOf(found);
  const upper = above && find(found, above, context);
  const decides = upper && !(upper instanceof Error) ? upper : found;
  return { uid: decides.metadata.uid, replicas: decides.spec?.replicas ?? 1 };
}

function find(owned: KubeObject, owner: OwnerReference, context: ControllerContext): Scaled | Error | undefined {
  const ref = SCALED.find((each) => each.kind === owner.kind && groupVersion(each) === owner.apiVersion);
  if (!ref) return new Error(`${owner.kind} ${owner.name} does not implement the scale subresource`);
  const found = context.informer(ref).get(`${owned.metadata.namespace}/${owner.name}`);
  return found?.metadata.uid === owner.uid ? found : undefined;
}

async function write(
  budget: PodDisruptionBudget,
  status: PodDisruptionBudgetStatus,
  { client }: ControllerContext,
): Promise<void> {
  if (semanticEqual(status, budget.status)) return;
  // As it was read: an eviction that was granted meanwhile must not be forgotten.
  await client.update(podDisruptionBudgets, { ...budget, status }, { subresource: "status" });
}
