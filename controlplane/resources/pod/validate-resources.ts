/** Requests and limits of a container. */
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "#api/field-error.js";
import type { ContainerResizePolicy, ResourceRequirements } from "#api/generated/types.js";
import { compareQuantities, parseQuantity } from "#api/quantity.js";
import { invalidEach, qualifiedName } from "#api/validation/names.js";

const NANO_PER_UNIT = 1_000_000_000n;
const standardNames = new Set(["cpu", "memory", "ephemeral-storage"]);
const resizable = ["cpu", "memory"];
const restarts = ["NotRequired", "RestartContainer"];
const isHugePages = (name: string) => name.startsWith("hugepages-");
const isNative = (name: string) => !name.includes("/") || name.includes("kubernetes.io/");

/** More of it may be promised than there is. Extended resources and huge pages are handed out one by one. */
const isOvercommitAllowed = (name: string) => isNative(name) && !isHugePages(name);

function validateName(field: string, name: string): FieldError[] {
  if (standardNames.has(name)) return [];
  const problems = qualifiedName(name);
  if (problems.length > 0) return invalidEach(field, name, problems);
  if (name.includes("/") || isHugePages(name)) {
    const extended = !isNative(name) && !name.startsWith("requests.");
    return isNative(name) || extended ? [] : [invalid(field, name, "doesn't follow extended resource name standard")];
  }
  return [
    invalid(field, name, "must be a standard resource type or fully qualified"),
    invalid(field, name, "must be a standard resource for containers"),
  ];
}

/** Also of a node's capacity and a pod's overhead. */
export function validateQuantity(field: string, name: string, quantity: string): FieldError[] {
  if (/^[1-9]\d*([mkMGTPE]|[KMGTPE]i)?$/.test(quantity) && standardNames.has(name)) return [];
  const { nano } = parseQuantity(quantity);
  if (nano < 0n) return [invalid(field, quantity, "must be greater than or equal to 0")];
  const whole = nano % NANO_PER_UNIT === 0n;
  return isNative(name) || whole ? [] : [invalid(field, quantity, "must be an integer")];
}

export function validateResources(path: string, resources: ResourceRequirements | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const { limits = {}, requests = {} } = resources ?? {};
  const names = new Set([...Object.keys(limits), ...Object.keys(requests)]);
  if ([...names].some(isHugePages) && !names.has("cpu") && !names.has("memory"))
    errors.push(forbidden(path, "HugePages require cpu or memory"));
  for (const [name, quantity] of Object.entries(limits)) {
    const field = `${path}.limits[${name}]`;
    errors.push(...validateName(field, name), ...validateQuantity(field, name, quantity));
  }
  for (const [name, quantity] of Object.entries(requests)) {
    const field = `${path}.requests[${name}]`;
    errors.push(...validateName(field, name), ...validateQuantity(field, name, quantity));
    errors.push(...compareWithLimit(path, name, quantity, limits[name]));
  }
  return errors;
}

/** https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/ */
export function validateResizePolicy(path: string, policies: readonly ContainerResizePolicy[] = []): FieldError[] {
  const seen = new Set<string>();
  return policies.flatMap(({ resourceName, restartPolicy }, i) => {
    const at = `${path}[${i}]`;
    const errors: FieldError[] = [];
    if (seen.has(resourceName)) errors.push(duplicate(at, resourceName));
    seen.add(resourceName);
    if (!resourceName) errors.push(required(`${at}.resourceName`));
    else if (!resizable.includes(resourceName))
      errors.push(notSupported(`${at}.resourceName`, resourceName, resizable));
    if (!restartPolicy) errors.push(required(`${at}.restartPolicy`));
    else if (!restarts.includes(restartPolicy))
      errors.push(notSupported(`${at}.restartPolicy`, restartPolicy, restarts));
    return errors;
  });
}

function compareWithLimit(path: string, name: string, quantity: string, limit: string | undefined): FieldError[] {
  const overcommit = isOvercommitAllowed(name);
  if (limit === undefined)
    return overcommit ? [] : [required(`${path}.limits`, "Limit must be set for non overcommitable resources")];
  if (quantity === limit) return [];
  const order = compareQuantities(quantity, limit);
  if (order !== 0 && !overcommit)
    return [invalid(`${path}.requests`, quantity, `must be equal to ${name} limit of ${limit}`)];
  if (order > 0)
    return [invalid(`${path}.requests`, quantity, `must be less than or equal to ${name} limit of ${limit}`)];
  return [];
}
