/** Takes a Pod off the node: containers with their grace, then everything else, then the API's record of it. */
import type { Pod } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { isConflict, isNotFound } from "#api/status-error.js";
import { GRACE_LABEL } from "./container-config.js";
import { containerSpec } from "./container-starter.js";
import { tearDownPod } from "./pod-teardown.js";
import type { PodWork } from "./pod-work.js";
import { nextToStop } from "./stop-order.js";

const DEFAULT_GRACE_SECONDS = 30;

/** @returns whether the node is rid of the Pod: nothing here, and nothing of it in the API that we know of */
export async function terminatePod(work: PodWork): Promise<boolean> {
  const { env, view, identity } = work;
  if (killRunning(work)) return false;
  work.giveRoomBack();
  const pod = work.inApi ? work.pod : undefined;
  if (pod && !work.released && !view.isEmpty) {
    work.waiting.clear();
    work.followProbes(pod);
    work.report(pod, true);
  }
  work.stopProbes();
  // The last status and the cleaning up go side by side; only then may the API forget the Pod.
  await Promise.all([
    pod ? env.statuses.flush(identity.uid) : undefined,
    work.released && view.isEmpty ? undefined : tearDownPod(env, identity, view, true),
  ]);
  work.released = true;
  if (!pod) return true;
  if (!work.deleted) await deleteFromApi(work, pod);
  work.deleted = true;
  return false;
}

/** One grace period is shared by all that are stopped one after the other. Returns whether anything still runs. */
function killRunning(work: PodWork): boolean {
  const { view, pod, kills, podIPs, env } = work;
  const running = view.containers.filter(({ state }) => state === "running");
  work.stoppingSince ??= env.clock.monotonic();
  const elapsed = (env.clock.monotonic() - work.stoppingSince) / 1000;
  for (const container of nextToStop(pod, running)) {
    env.probes.terminate(container.id);
    const message = `Stopping container ${container.name}`;
    const spec = containerSpec(pod, container.name);
    const graceSeconds = Math.max(0, graceOf(pod, container.labels) - elapsed);
    kills.kill({ container, pod, spec, graceSeconds, message, podIP: podIPs[0] ?? "" });
  }
  return running.length > 0;
}

function graceOf(pod: Pod | undefined, labels: Readonly<Record<string, string>>): number {
  const asked = pod?.metadata.deletionGracePeriodSeconds ?? pod?.spec.terminationGracePeriodSeconds;
  return asked ?? Number(labels[GRACE_LABEL] ?? DEFAULT_GRACE_SECONDS);
}

async function deleteFromApi({ env }: PodWork, { metadata }: Pod): Promise<void> {
  const { name, namespace, uid } = metadata;
  try {
    await env.client.delete(pods, name, namespace, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    // Gone already, or another Pod has the name by now.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
