/** Deletes Jobs some time after they are over: https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/ */
import { jobs } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { type Controller, watch } from "./controller.js";
import { isFinished } from "./job/plan.js";

export function ttlAfterFinishedController(): Controller {
  return {
    name: "ttl-after-finished",
    watches: [watch({ ref: jobs })],
    async reconcile(key, { client, informer, now }) {
      const job = informer(jobs).get(key);
      const seconds = job?.spec?.ttlSecondsAfterFinished;
      const over = job && isFinished(job);
      if (!job || !over?.lastTransitionTime || seconds === undefined || job.metadata.deletionTimestamp)
        return undefined;
      const wait = Date.parse(over.lastTransitionTime) + seconds * 1000 - now();
      if (wait > 0) return wait;
      const { name, namespace, uid, resourceVersion } = job.metadata;
      // The time may have been prolonged a moment ago: then it is another version.
      const preconditions = { uid, resourceVersion };
      await client.delete(jobs, name, namespace, { preconditions, propagationPolicy: "Foreground" }).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
      return undefined;
    },
  };
}
