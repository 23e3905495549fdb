import type { Pod } from "#api/generated/types.js";
import { qosClassOf } from "#api/pod-qos.js";
import { pods } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { podAdmission } from "./admission.js";
import { bindingAction } from "./binding.js";
import { podColumns } from "./columns.js";
import { defaultPod } from "./defaults.js";
import { ephemeralContainers } from "./ephemeral-containers.js";
import { evictionAction } from "./eviction.js";
import { gracePeriod } from "./grace-period.js";
import { mergeMatchLabelKeys } from "./match-label-keys.js";
import { resize } from "./resize.js";
import { podStatus } from "./status.js";
import { validatePod } from "./validate-spec.js";
import { validatePodUpdate } from "./validate-update.js";
import { podSpecWarnings } from "./warnings.js";

/** https://kubernetes.io/docs/concepts/workloads/pods/ */
export const pod: Kind<Pod> = {
  ...pods,
  singular: "pod",
  shortNames: ["po"],
  categories: ["all"],
  schema: "Pod",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: podColumns,
  subresources: {
    status: podStatus,
    parts: { ephemeralcontainers: ephemeralContainers, resize },
    actions: { binding: bindingAction, eviction: evictionAction },
    connect: ["log", "exec", "attach", "portforward", "proxy"],
  },
  gracePeriod,
  defaults: defaultPod,
  prepareForCreate,
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  warnings: ({ spec }) => podSpecWarnings("spec", spec),
  admission: podAdmission,
  selectableFields: ({ spec, status }) => ({
    "spec.nodeName": spec.nodeName ?? "",
    "spec.restartPolicy": spec.restartPolicy ?? "",
    "spec.schedulerName": spec.schedulerName ?? "",
    "spec.serviceAccountName": spec.serviceAccountName ?? "",
    "spec.hostNetwork": String(spec.hostNetwork ?? false),
    "status.phase": status?.phase ?? "",
    "status.podIP": status?.podIP ?? status?.podIPs?.[0]?.ip ?? "",
    "status.podIPs": status?.podIPs?.map((entry) => entry.ip).join(",") ?? "",
    "status.nominatedNodeName": status?.nominatedNodeName ?? "",
  }),
};

function prepareForCreate(object: Pod): void {
  mergeMatchLabelKeys(object);
  object.status = { phase: "Pending", qosClass: qosClassOf(object) };
  if (!object.spec.schedulingGates?.length) return;
  const message = "Scheduling is blocked due to non-empty scheduling gates";
  object.status.conditions = [{ type: "PodScheduled", status: "False", reason: "SchedulingGated", message }];
}
