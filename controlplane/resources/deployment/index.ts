import type { Deployment } from "#api/generated/types.js";
import { deployments } from "#api/refs.js";
import { ageColumn, nameColumn, workloadColumns } from "../columns.js";
import type { Kind } from "../kind.js";
import { podSpecWarnings } from "../pod/warnings.js";
import { readyColumn, replicasScale } from "../replicas.js";
import { defaultDeployment } from "./defaults.js";
import { validateDeployment, validateDeploymentStatus, validateDeploymentUpdate } from "./validate.js";

/** https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ */
export const deployment: Kind<Deployment> = {
  ...deployments,
  singular: "deployment",
  shortNames: ["deploy"],
  categories: ["all"],
  schema: "Deployment",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    readyColumn,
    {
      name: "Up-to-date",
      type: "string",
      description: "Pods made from the current template.",
      value: ({ status }) => status?.updatedReplicas ?? 0,
    },
    {
      name: "Available",
      type: "string",
      description: "Pods that have been ready for minReadySeconds.",
      value: ({ status }) => status?.availableReplicas ?? 0,
    },
    ageColumn,
    ...workloadColumns<Deployment>(),
  ],
  subresources: {
    status: { validate: validateDeploymentStatus },
    scale: replicasScale<Deployment>(),
  },
  defaults: defaultDeployment,
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
  warnings: ({ spec }) => podSpecWarnings("spec.template.spec", spec.template?.spec),
  prepareForCreate(object) {
    object.status = {};
  },
};
