/** What Deployment, ReplicaSet, StatefulSet and DaemonSet ask of their selector and the pods they make. */
import { type FieldError, forbidden, invalid, notSupported, required } from "#api/field-error.js";
import type { LabelSelector, PodTemplateSpec } from "#api/generated/types.js";
import { matchLabelSelector } from "#api/selectors.js";
import { validateLabelSelector } from "#api/validation/labels.js";
import { validatePodTemplate } from "./pod/validate-spec.js";

interface SelectingSpec {
  selector?: LabelSelector;
  template?: PodTemplateSpec;
}

const isEmpty = (selector: LabelSelector) =>
  Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0;

function validateTemplate(path: string, selector: LabelSelector | undefined, template: PodTemplateSpec): FieldError[] {
  const labels = template.metadata?.labels;
  const errors: FieldError[] = [];
  // No selector at all selects nothing, an empty one everything.
  if (!selector || !matchLabelSelector(selector, labels))
    errors.push(invalid(`${path}.metadata.labels`, labels, "`selector` does not match template `labels`"));
  errors.push(...validatePodTemplate(path, template));
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {};
  if (restartPolicy !== "Always") errors.push(notSupported(`${path}.spec.restartPolicy`, restartPolicy, ["Always"]));
  if (activeDeadlineSeconds !== undefined)
    errors.push(
      forbidden(`${path}.spec.activeDeadlineSeconds`, "activeDeadlineSeconds in ReplicaSet is not Supported"),
    );
  return errors;
}

/**
 * Selector and template of a workload whose pods run forever.
 * @param path of the spec
 * @param kind as messages call it
 */
export function validateSelectedTemplate(path: string, spec: SelectingSpec, kind = "deployment"): FieldError[] {
  const { selector } = spec;
  const field = `${path}.selector`;
  const errors: FieldError[] = [];
  if (!selector) errors.push(required(field));
  else if (isEmpty(selector)) errors.push(invalid(field, selector, `empty selector is invalid for ${kind}`));
  else errors.push(...validateLabelSelector(field, selector));
  // A selector that cannot be read cannot be compared with the labels.
  if (selector && !isEmpty(selector) && errors.length > 0) {
    return [...errors, invalid(field, selector, "invalid label selector")];
  }
  if (!spec.template) return [...errors, required(`${path}.template`)];
  return [...errors, ...validateTemplate(`${path}.template`, selector, spec.template)];
}
