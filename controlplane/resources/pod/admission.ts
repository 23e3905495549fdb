/**
 * What Kubernetes' admission plugins LimitRanger, ServiceAccount, RuntimeClass, Priority and DefaultTolerationSeconds do to a pod.
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Pod, ServiceAccount } from "#api/generated/types.js";
import { isMirror } from "#api/pod-state.js";
import { pods, serviceAccounts } from "#api/refs.js";
import { forbiddenError } from "#api/status-error.js";
import type { AdmissionContext, AdmissionHooks } from "../kind.js";
import { mountApiAccess } from "./api-access.js";
import { rangesFor, refuseOutOfRange, takeDefaultsOf } from "./limit-ranges.js";
import { setPriority } from "./priority.js";
import { applyRuntimeClass } from "./runtime-class.js";

const TOLERATED_SECONDS = 300;
const ACCOUNT_WAIT_MS = 1000;
const ACCOUNT_POLL_MS = 20;

/**
 * The account "default" is made by a controller moments after its namespace; a pod created right behind the namespace
 * waits for it a second at most.
 */
async function findAccount(name: string, pod: Pod, context: AdmissionContext): Promise<ServiceAccount | undefined> {
  const find = () => context.get(serviceAccounts, name, pod.metadata.namespace);
  let account = find();
  if (name !== "default") return account;
  for (let waited = 0; !account && waited < ACCOUNT_WAIT_MS; waited += ACCOUNT_POLL_MS) {
    await sleep(ACCOUNT_POLL_MS);
    account = find();
  }
  return account;
}

async function setServiceAccount(pod: Pod, podName: string, context: AdmissionContext): Promise<void> {
  const { spec } = pod;
  if (isMirror(pod)) return;
  const name = spec.serviceAccountName || "default";
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
  const account = await findAccount(name, pod, context);
  if (!account) {
    const where = `${pod.metadata.namespace}/${name}`;
    const why = `error looking up service account ${where}: serviceaccount "${name}" not found`;
    throw forbiddenError(pods, podName, why);
  }
  if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
    spec.imagePullSecrets = account.imagePullSecrets.map((ref) => ({ ...ref }));
  // A server that signs no tokens has none to mount.
  if (context.issueToken) mountApiAccess(pod, account);
}

function tolerateForAWhile(pod: Pod, taint: string, tolerationSeconds: number): void {
  const tolerations = pod.spec.tolerations ?? [];
  const tolerated = tolerations.some((t) => (!t.key || t.key === taint) && (!t.effect || t.effect === "NoExecute"));
  if (tolerated) return;
  tolerations.push({ key: taint, operator: "Exists", effect: "NoExecute", tolerationSeconds });
  pod.spec.tolerations = tolerations;
}

export const podAdmission: AdmissionHooks<Pod> = {
  async beforeWrite(pod, old, context) {
    const name = pod.metadata.name ?? pod.metadata.generateName ?? "";
    if (context.subresource === "resize") refuseOutOfRange(pod, name, rangesFor(pod, context));
    if (context.subresource) return;
    if (!old) {
      const ranges = isMirror(pod) ? [] : rangesFor(pod, context);
      takeDefaultsOf(pod, ranges);
      refuseOutOfRange(pod, name, ranges);
      await setServiceAccount(pod, name, context);
      applyRuntimeClass(pod, name, context);
    }
    setPriority(pod, old, name, context);
    const seconds = context.cluster.tolerationSeconds ?? TOLERATED_SECONDS;
    tolerateForAWhile(pod, "node.kubernetes.io/not-ready", seconds);
    tolerateForAWhile(pod, "node.kubernetes.io/unreachable", seconds);
  },
};
