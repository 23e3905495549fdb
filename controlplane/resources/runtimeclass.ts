import { type FieldError, required } from "#api/field-error.js";
import type { RuntimeClass, Toleration } from "#api/generated/types.js";
import { runtimeClasses } from "#api/refs.js";
import { validateLabels } from "#api/validation/labels.js";
import { dns1123Label, invalidEach } from "#api/validation/names.js";
import { ageColumn, nameColumn } from "./columns.js";
import { immutable } from "./field-rules.js";
import type { Kind } from "./kind.js";
import { validateQuantity } from "./pod/validate-resources.js";
import { validateTolerations } from "./pod/validate-tolerations.js";

/** Which of the container engine's runtimes runs a Pod. https://kubernetes.io/docs/concepts/containers/runtime-class/ */
export const runtimeClass: Kind<RuntimeClass> = {
  ...runtimeClasses,
  singular: "runtimeclass",
  schema: "RuntimeClass",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    { name: "Handler", type: "string", description: "The engine's name of the runtime.", value: (c) => c.handler },
    ageColumn,
  ],
  validate,
  validateUpdate: (object, old) => immutable("handler", object.handler, old.handler),
};

function validate({ handler, overhead, scheduling }: RuntimeClass): FieldError[] {
  const errors = handler ? invalidEach("handler", handler, dns1123Label(handler)) : [required("handler")];
  for (const [name, quantity] of Object.entries(overhead?.podFixed ?? {}))
    errors.push(...validateQuantity(`overhead.podFixed[${name}]`, name, quantity));
  if (!scheduling) return errors;
  return [
    ...errors,
    ...validateLabels("scheduling.nodeSelector", scheduling.nodeSelector),
    ...validateTolerations("scheduling.tolerations", scheduling.tolerations as Toleration[] | undefined),
  ];
}
