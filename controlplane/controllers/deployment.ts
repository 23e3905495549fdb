/** Rolls a Deployment's template out over ReplicaSets. */
import type { Deployment, Pod, ReplicaSet } from "#api/generated/types.js";
import { isPodTerminal } from "#api/pod-state.js";
import { deployments, pods, replicaSets } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { REVISION } from "./deployment/annotations.js";
import { setCondition } from "./deployment/conditions.js";
import { isRollingUpdate } from "./deployment/limits.js";
import { type DeploymentPlan, planDeployment } from "./deployment/plan.js";
import type { DeploymentAction } from "./deployment/rollout.js";
import { templateIdentity } from "./history/template-hash.js";
import { claim } from "./ownership/claim.js";
import { managerKeys } from "./ownership/manager-keys.js";
import { OwnWrites } from "./ownership/own-writes.js";
import { controllerOf, ownershipIndexes } from "./ownership/owner-reference.js";

export function deploymentController(): Controller {
  const setWrites = new OwnWrites();
  const ownWrites = new OwnWrites();
  return {
    name: "deployment",
    workers: 5,
    watches: [
      watch({ ref: deployments }),
      watch({
        ref: replicaSets,
        indexes: ownershipIndexes,
        keys: managerKeys(deployments, ({ spec }) => spec.selector),
      }),
      watch({ ref: pods, indexes: ownershipIndexes, keys: recreatedDeploymentOf }),
    ],
    async reconcile(key, context) {
      const informer = context.informer(deployments);
      const sets = context.informer(replicaSets);
      const deployment = informer.get(key);
      if (!deployment) {
        setWrites.forget(key);
        ownWrites.forget(key);
        return undefined;
      }
      if (!setWrites.seen(key, sets) || !ownWrites.seen(key, informer)) return undefined;
      const owner = { ref: deployments, object: deployment };
      const managed = await claim(context.client, owner, { ref: replicaSets, informer: sets });
      const oldPodsRunning = !isRollingUpdate(deployment) && hasOldPods(deployment, managed, context);
      const plan = planDeployment({ deployment, replicaSets: managed, oldPodsRunning, now: context.now() });
      for (const action of plan.actions) await act(key, deployment, action, setWrites, context);
      const written = await writeBack(deployment, plan, context);
      if (written) ownWrites.wrote(key, written);
      return plan.requeueAfter;
    },
  };
}

/** A Deployment with strategy Recreate waits for its old Pods to end; any other follows its ReplicaSets only. */
function recreatedDeploymentOf(pod: Pod, context: ControllerContext, _old?: Pod, deleted?: boolean): string[] {
  if (!deleted && !isPodTerminal(pod)) return [];
  const { namespace } = pod.metadata;
  const set = context.informer(replicaSets).get(`${namespace}/${controllerOf(pod)?.name}`);
  const key = `${namespace}/${set && controllerOf(set)?.name}`;
  const deployment = context.informer(deployments).get(key);
  return deployment && !isRollingUpdate(deployment) ? [key] : [];
}

function hasOldPods(deployment: Deployment, sets: readonly ReplicaSet[], context: ControllerContext): boolean {
  const wanted = templateIdentity(deployment.spec.template);
  return sets
    .filter((set) => set.spec.template && templateIdentity(set.spec.template) !== wanted)
    .flatMap((set) => context.informer(pods).byIndex("controllerUid", set.metadata.uid))
    .some((pod) => !isPodTerminal(pod));
}

async function act(
  key: string,
  deployment: Deployment,
  action: DeploymentAction,
  writes: OwnWrites,
  context: ControllerContext,
): Promise<void> {
  const { client } = context;
  const { replicaSet } = action;
  if (action.type === "create") {
    const created = await createReplicaSet(deployment, replicaSet, context);
    writes.wrote(key, created);
  } else if (action.type === "update") {
    writes.wrote(key, await client.update(replicaSets, replicaSet));
  } else {
    const { name, namespace, uid, resourceVersion } = replicaSet.metadata;
    const preconditions = { uid, resourceVersion };
    try {
      await client.delete(replicaSets, name, namespace, { preconditions, propagationPolicy: "Background" });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  if (action.type !== "delete" && action.event) context.event(deployment, "Normal", "ScalingReplicaSet", action.event);
}

/** Makes the ReplicaSet of the template. Its name may be there already: by us in a cache not seen yet, or by a collision. */
async function createReplicaSet(
  deployment: Deployment,
  wanted: ReplicaSet,
  context: ControllerContext,
): Promise<ReplicaSet> {
  const { name, namespace } = wanted.metadata;
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _time, ...metadata } = wanted.metadata;
  try {
    return await context.client.create(replicaSets, { ...wanted, metadata });
  } catch (error) {
    if (isNamespaceTerminating(error)) throw error;
    if (!isAlreadyExists(error)) {
      await reportFailedCreate(deployment, name, error, context);
      throw error;
    }
  }
  const existing = await context.client.get(replicaSets, name, namespace);
  const ours = controllerOf(existing)?.uid === deployment.metadata.uid;
  const identity = existing.spec.template && templateIdentity(existing.spec.template);
  if (ours && identity === templateIdentity(deployment.spec.template)) return existing;
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  const status = { ...deployment.status, collisionCount };
  await context.client.update(deployments, { ...deployment, status }, { subresource: "status" });
  throw new Error(`replica set name ${name} is taken: trying another hash`);
}

async function reportFailedCreate(deployment: Deployment, name: string, error: unknown, context: ControllerContext) {
  const cause = error instanceof Error ? error.message : String(error);
  const message = `Failed to create new replica set "${name}": ${cause}`;
  const reason = "ReplicaSetCreateError";
  context.event(deployment, "Warning", reason, message);
  const condition = { type: "Progressing", status: "False", reason, message };
  const conditions = [...setCondition(deployment.status?.conditions ?? [], condition, context.now())];
  const status = { ...deployment.status, conditions };
  if (semanticEqual(status, deployment.status)) return;
  await context.client.update(deployments, { ...deployment, status }, { subresource: "status" });
}

/** Writes revision annotation and status where they differ. @returns the Deployment as last written */
async function writeBack(
  deployment: Deployment,
  plan: DeploymentPlan,
  { client }: ControllerContext,
): Promise<Deployment | undefined> {
  const { name, namespace } = deployment.metadata;
  let written: Deployment | undefined;
  if (plan.revision) {
    const body = { metadata: { annotations: { [REVISION]: plan.revision } } };
    written = await client.patch(deployments, name, { type: "application/merge-patch+json", body }, { namespace });
  }
  if (semanticEqual(plan.status, deployment.status)) return written;
  const object = { ...(written ?? deployment), status: plan.status };
  return client.update(deployments, object, { subresource: "status" });
}
