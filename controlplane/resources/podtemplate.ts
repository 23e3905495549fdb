import type { FieldError } from "#api/field-error.js";
import type { PodTemplate, PodTemplateSpec } from "#api/generated/types.js";
import { podTemplates } from "#api/refs.js";
import { ageColumn, nameColumn } from "./columns.js";
import type { Kind } from "./kind.js";
import { defaultPodTemplate } from "./pod/defaults.js";
import { validatePodTemplate } from "./pod/validate-spec.js";
import { podSpecWarnings } from "./pod/warnings.js";

const containersOf = ({ template }: PodTemplate) => template?.spec?.containers ?? [];

/** A description of a Pod that is kept by itself. https://kubernetes.io/docs/concepts/workloads/pods/#pod-templates */
export const podTemplate: Kind<PodTemplate> = {
  ...podTemplates,
  singular: "podtemplate",
  schema: "PodTemplate",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    {
      name: "Containers",
      type: "string",
      description: "Names of the containers in the template.",
      value: (object) =>
        containersOf(object)
          .map((c) => c.name)
          .join(","),
    },
    {
      name: "Images",
      type: "string",
      description: "Images of the containers in the template.",
      value: (object) =>
        containersOf(object)
          .map((c) => c.image)
          .join(","),
    },
    {
      name: "Pod Labels",
      type: "string",
      description: "Labels of the pods made from it.",
      value: ({ template }) => labelText(template?.metadata?.labels),
    },
    ageColumn,
  ],
  defaults(object) {
    object.template ??= {} as PodTemplateSpec;
    defaultPodTemplate(object.template);
  },
  validate: ({ template }): FieldError[] => validatePodTemplate("template", template ?? ({} as PodTemplateSpec)),
  warnings: ({ template }) => podSpecWarnings("template.spec", template?.spec),
};

function labelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([key, value]) => `${key}=${value}`).join(",") || "<none>";
}
