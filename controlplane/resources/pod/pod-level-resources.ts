/**
 * What a Pod asks for as a whole (spec.resources): its containers share it.
 * https://kubernetes.io/docs/tasks/configure-pod-container/assign-pod-level-resources/
 */
import { type FieldError, forbidden, invalid, notSupported } from "#api/field-error.js";
import type { PodSpec, ResourceRequirements } from "#api/generated/types.js";
import { containerRequests, isPodLevelResource, type Resources } from "#api/pod-resources.js";
import { compareQuantities, formatQuantity, quantityFromBytes, quantityFromMilli } from "#api/quantity.js";
import { validateResources } from "./validate-resources.js";

const SUPPORTED = ["cpu", "hugepages-", "memory"];

/**
 * Fills the requests of the Pod where it has limits: what its containers ask for together, or as much as the limit; and the
 * limits of huge pages, which are as large as the request. In place, after the containers' own defaults.
 */
export function defaultPodResources(spec: PodSpec): void {
  const { resources } = spec;
  if (!resources) return;
  if (Object.keys(resources.limits ?? {}).length > 0) requestWhole(spec, resources);
  for (const [name, quantity] of Object.entries(resources.requests ?? {}))
    if (name.startsWith("hugepages-")) resources.limits = { [name]: quantity, ...resources.limits };
}

function requestWhole(spec: PodSpec, resources: ResourceRequirements): void {
  const requests = { ...resources.requests };
  for (const [name, amount] of containerRequests(spec))
    if (isPodLevelResource(name)) requests[name] ??= quantityText(name, amount);
  for (const [name, limit] of Object.entries(resources.limits ?? {}))
    if (isPodLevelResource(name)) requests[name] ??= limit;
  if (Object.keys(requests).length > 0) resources.requests = requests;
}

export function validatePodResources(path: string, spec: PodSpec): FieldError[] {
  const { resources, containers, os } = spec;
  if (!resources) return [];
  const field = `${path}.resources`;
  if (resources.claims?.length)
    return [forbidden(`${field}.claims`, "claims may not be set for Resources at pod-level")];
  if (os?.name === "windows") return [forbidden(field, "may not be set for a windows pod")];
  const errors = (["limits", "requests"] as const).flatMap((kind) =>
    Object.keys(resources[kind] ?? {}).flatMap((name) =>
      isPodLevelResource(name) ? [] : [notSupported(`${field}.${kind}[${name}]`, name, SUPPORTED)],
    ),
  );
  if (errors.length > 0) return errors;
  errors.push(
    ...validateResources(field, resources),
    ...validateSum(field, resources.requests, containerRequests(spec)),
  );
  containers.forEach((container, i) => {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const most = resources.limits?.[name];
      if (most === undefined || compareQuantities(limit, most) <= 0) continue;
      const at = `${path}.containers[${i}].resources.limits[${name}]`;
      errors.push(invalid(at, limit, `must be less than or equal to pod limits of ${most}`));
    }
  });
  return errors;
}

function validateSum(
  field: string,
  requests: Readonly<Record<string, string>> = {},
  together: Resources,
): FieldError[] {
  return Object.entries(requests).flatMap(([name, quantity]) => {
    const text = quantityText(name, together.get(name) ?? 0);
    if (compareQuantities(quantity, text) >= 0) return [];
    const why = `must be greater than or equal to aggregate container requests of ${text}`;
    return [invalid(`${field}.requests[${name}]`, quantity, why)];
  });
}

const quantityText = (name: string, amount: number) =>
  formatQuantity(name === "cpu" ? quantityFromMilli(amount) : quantityFromBytes(amount));
