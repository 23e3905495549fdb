/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
import { type FieldError, invalid, required } from "#api/field-error.js";
import type { CoreV1Event } from "#api/generated/types.js";
import { invalidEach, qualifiedName } from "#api/validation/names.js";

const MISMATCH = "does not match event.namespace";

/** Events about objects without a namespace live in "default" (or, of newer reporters, in "kube-system"). */
function validateNamespace({ metadata, involvedObject, eventTime }: CoreV1Event): FieldError[] {
  const own = metadata.namespace ?? "";
  const theirs = involvedObject?.namespace ?? "";
  const homes = eventTime ? ["default", "kube-system"] : ["default"];
  if (theirs ? own === theirs : homes.includes(own)) return [];
  return [invalid("involvedObject.namespace", theirs, MISMATCH)];
}

/** What a reporter that gives eventTime (events.k8s.io) must say besides. */
function validateReport(event: CoreV1Event): FieldError[] {
  const { reportingComponent, reportingInstance, action, reason, message = "", series } = event;
  const errors: FieldError[] = [];
  if (!reportingComponent) errors.push(required("reportingComponent"));
  else errors.push(...invalidEach("reportingComponent", reportingComponent, qualifiedName(reportingComponent)));
  for (const [field, value] of Object.entries({ reportingInstance, action, reason })) {
    if (!value) errors.push(required(field));
    else if (value.length > 128) errors.push(invalid(field, "", "can have at most 128 characters"));
  }
  if (message.length > 1024) errors.push(invalid("message", "", "can have at most 1024 characters"));
  if (series && (series.count ?? 0) < 2) errors.push(invalid("series.count", "", "should be at least 2"));
  if (series && !series.lastObservedTime) errors.push(required("series.lastObservedTime"));
  return errors;
}

/** Every object of this kind has been written by a component, not by a person: only what would mislead is refused. */
export function validateEvent(event: CoreV1Event): FieldError[] {
  return event.eventTime ? [...validateNamespace(event), ...validateReport(event)] : validateNamespace(event);
}
