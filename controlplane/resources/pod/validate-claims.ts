/** Claims to devices: what the pod names, and what its containers take of that. https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/ */
import { duplicate, type FieldError, invalid, required } from "#api/field-error.js";
import type { Container, PodResourceClaim, PodSpec } from "#api/generated/types.js";
import { dns1123Label, dns1123Subdomain, invalidEach } from "#api/validation/names.js";

function validateSource(path: string, claim: PodResourceClaim): FieldError[] {
  const { resourceClaimName: claimName, resourceClaimTemplateName: templateName } = claim;
  if (claimName !== undefined && templateName !== undefined)
    return [invalid(path, claim, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified")];
  if (claimName === undefined && templateName === undefined)
    return [invalid(path, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")];
  const field = claimName === undefined ? "resourceClaimTemplateName" : "resourceClaimName";
  const name = claimName ?? templateName ?? "";
  return invalidEach(`${path}.${field}`, name, dns1123Subdomain(name));
}

function validateUse(path: string, { resources }: Container, known: ReadonlySet<string>): FieldError[] {
  const taken = new Set<string>();
  return (resources?.claims ?? []).flatMap(({ name, request }, i) => {
    const at = `${path}.resources.claims[${i}]`;
    if (!name) return [required(`${at}.name`)];
    const errors: FieldError[] = [];
    const what = request ? `${name}/${request}` : name;
    if (taken.has(what)) errors.push(duplicate(at, what));
    taken.add(what);
    if (!known.has(name))
      errors.push(invalid(`${at}.name`, name, "must be one of the names in pod.spec.resourceClaims"));
    return errors;
  });
}

/** @param path of the pod's spec */
export function validateClaims(path: string, spec: PodSpec): FieldError[] {
  const names = new Set<string>();
  const errors = (spec.resourceClaims ?? []).flatMap((claim, i) => {
    const at = `${path}.resourceClaims[${i}]`;
    if (!claim.name) return [required(`${at}.name`)];
    if (names.has(claim.name)) return [duplicate(`${at}.name`, claim.name)];
    names.add(claim.name);
    return [...invalidEach(`${at}.name`, claim.name, dns1123Label(claim.name)), ...validateSource(at, claim)];
  });
  for (const list of ["containers", "initContainers"] as const)
    spec[list]?.forEach((container, i) => {
      errors.push(...validateUse(`${path}.${list}[${i}]`, container, names));
    });
  return errors;
}
