import type { DaemonSet, DaemonSetStatus } from "#api/generated/types.js";
import { daemonSets } from "#api/refs.js";
import { ageColumn, nameColumn, workloadColumns } from "../columns.js";
import type { Column, Kind } from "../kind.js";
import { defaultPodTemplate } from "../pod/defaults.js";
import { podSpecWarnings } from "../pod/warnings.js";
import { validateDaemonSet, validateDaemonSetStatus, validateDaemonSetUpdate } from "./validate.js";

type Count = {
  [K in keyof DaemonSetStatus]-?: NonNullable<DaemonSetStatus[K]> extends number ? K : never;
}[keyof DaemonSetStatus];

const count = (name: string, field: Count, description: string): Column<DaemonSet> => ({
  name,
  type: "integer",
  description,
  value: ({ status }) => status?.[field] ?? 0,
});

/** https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/ */
export const daemonSet: Kind<DaemonSet> = {
  ...daemonSets,
  singular: "daemonset",
  shortNames: ["ds"],
  categories: ["all"],
  schema: "DaemonSet",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    count("Desired", "desiredNumberScheduled", "Nodes that are to run a pod."),
    count("Current", "currentNumberScheduled", "Nodes of these that have one."),
    count("Ready", "numberReady", "Nodes of these whose pod is ready."),
    count("Up-to-date", "updatedNumberScheduled", "Nodes of these whose pod is of the current template."),
    count("Available", "numberAvailable", "Nodes of these whose pod has been ready for minReadySeconds."),
    {
      name: "Node Selector",
      type: "string",
      description: "Labels that a node must have.",
      value: ({ spec }) =>
        Object.entries(spec.template?.spec?.nodeSelector ?? {})
          .map(([key, value]) => `${key}=${value}`)
          .join(",") || "<none>",
    },
    ageColumn,
    ...workloadColumns<DaemonSet>(),
  ],
  subresources: { status: { validate: validateDaemonSetStatus } },
  defaults: defaultDaemonSet,
  validate: validateDaemonSet,
  validateUpdate: validateDaemonSetUpdate,
  warnings: ({ spec }) => podSpecWarnings("spec.template.spec", spec.template?.spec),
  prepareForCreate(object) {
    object.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  },
};

function defaultDaemonSet(object: DaemonSet): void {
  const spec = object.spec ?? {};
  object.spec = spec;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= "RollingUpdate";
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  spec.template ??= {};
  defaultPodTemplate(spec.template);
}
