/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/ */
import { isDeepStrictEqual } from "node:util";
import { duplicate, type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type { Node, NodeStatus, Taint } from "#api/generated/types.js";
import { validateLabelName } from "#api/validation/labels.js";
import { invalidEach, labelValue } from "#api/validation/names.js";
import { cidr } from "#api/validation/network.js";
import { validateQuantity } from "../pod/validate-resources.js";
import { validateTaintEffect } from "../pod/validate-tolerations.js";

function validateTaints(path: string, taints: readonly Taint[] = []): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap((taint, i) => {
    const at = `${path}[${i}]`;
    const errors = taint.key ? validateLabelName(`${at}.key`, taint.key) : [required(`${at}.key`)];
    const problems = labelValue(taint.value ?? "");
    if (problems.length > 0) errors.push(invalid(`${at}.value`, taint.value, problems.join(";")));
    errors.push(...validateTaintEffect(`${at}.effect`, taint.effect));
    const identity = `${taint.key}:${taint.effect}`;
    if (seen.has(identity)) {
      const error = duplicate(at, taint);
      errors.push({ ...error, message: `${error.message}: taints must be unique by key and effect pair` });
    }
    seen.add(identity);
    return errors;
  });
}

function validateAmounts(path: string, amounts: Readonly<Record<string, string>> = {}): FieldError[] {
  return Object.entries(amounts).flatMap(([name, quantity]) => validateQuantity(`${path}[${name}]`, name, quantity));
}

function validateStatus(status: NodeStatus | undefined): FieldError[] {
  const addresses = status?.addresses ?? [];
  const errors = [
    ...validateAmounts("status.capacity", status?.capacity),
    ...validateAmounts("status.allocatable", status?.allocatable),
  ];
  addresses.forEach((address, i) => {
    const earlier = addresses.slice(0, i).some((other) => isDeepStrictEqual(other, address));
    if (earlier) errors.push(duplicate(`status.addresses[${i}]`, address));
  });
  return errors;
}

export function validateNode({ spec, status }: Node): FieldError[] {
  const errors = validateTaints("spec.taints", spec.taints);
  spec.podCIDRs?.forEach((range, i) => {
    errors.push(...invalidEach(`spec.podCIDRs[${i}]`, range, cidr(range)));
  });
  return [...errors, ...validateStatus(status)];
}

/** A node's pods have addresses of its range, its volumes name its provider: neither changes once it is set. */
export function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  const errors: FieldError[] = [];
  const before = old.spec.podCIDRs ?? [];
  if (before.length > 0 && !isDeepStrictEqual(node.spec.podCIDRs ?? [], before))
    errors.push(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'));
  if (old.spec.providerID && node.spec.providerID !== old.spec.providerID)
    errors.push(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'));
  return errors;
}
