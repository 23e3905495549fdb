import type { Deployment } from "#api/generated/types.js";
import { deployments } from "#api/refs.js";
import { formatSelector, requirementsOf } from "#api/selectors.js";
import { ageColumn, nameColumn, workloadColumns } from "../columns.js";
import type { Kind } from "../kind.js";
import { podSpecWarnings } from "../pod/warnings.js";
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
    {
      name: "Ready",
      type: "string",
      description: "Pods that are ready, out of those wanted.",
      value: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
    },
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
    scale: {
      replicas: ({ spec }) => spec.replicas ?? 1,
      statusReplicas: ({ status }) => status?.replicas ?? 0,
      selector: ({ spec }) => formatSelector(requirementsOf(spec.selector)),
      setReplicas(object, replicas) {
        object.spec.replicas = replicas;
      },
    },
  },
  defaults: defaultDeployment,
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
  warnings: ({ spec }) => podSpecWarnings("spec.template.spec", spec.template?.spec),
  prepareForCreate(object) {
    object.status = {};
  },
};
