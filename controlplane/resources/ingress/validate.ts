/** What makes an Ingress valid. https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/ */
import { isIP } from "node:net";
import { type FieldError, invalid, notSupported, required } from "#api/field-error.js";
import type { HTTPIngressPath, Ingress, IngressRule, IngressTLS } from "#api/generated/types.js";
import { dns1123Subdomain, invalidEach, wildcardDns1123Subdomain } from "#api/validation/names.js";
import { ipAddress } from "#api/validation/network.js";
import { CLASS_ANNOTATION } from "./default-class.js";
import { validateBackend } from "./validate-backend.js";

const PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"];
/** What a path that is compared by its elements may not hold: a proxy or a backend might resolve it to another path. */
const BAD_SEQUENCES = ["//", "/./", "/../", "%2f", "%2F"];
const BAD_ENDINGS = ["/..", "/."];
const NOT_A_NAME = "must be a DNS name, not an IP address";

const hostName = (host: string) => (host.includes("*") ? wildcardDns1123Subdomain(host) : dns1123Subdomain(host));

export function validateIngress({ spec = {} }: Ingress): FieldError[] {
  const { rules = [], tls = [], defaultBackend, ingressClassName } = spec;
  const errors: FieldError[] = [];
  if (rules.length === 0 && !defaultBackend)
    errors.push(invalid("spec", spec.rules ?? null, "either `defaultBackend` or `rules` must be specified"));
  if (defaultBackend) errors.push(...validateBackend("spec.defaultBackend", defaultBackend));
  errors.push(...rules.flatMap((rule, i) => validateRule(`spec.rules[${i}]`, rule)));
  errors.push(...tls.flatMap((entry, i) => validateTls(`spec.tls[${i}]`, entry)));
  if (ingressClassName !== undefined)
    errors.push(...invalidEach("spec.ingressClassName", ingressClassName, dns1123Subdomain(ingressClassName)));
  return errors;
}

/** On creation: whoever names the class in both ways, names one class. */
export function validateClassChoice({ metadata, spec }: Ingress): FieldError[] {
  const annotation = metadata.annotations?.[CLASS_ANNOTATION];
  const name = spec?.ingressClassName;
  if (annotation === undefined || name === undefined || annotation === name) return [];
  const text = "must match `ingressClassName` when both are specified";
  return [invalid(`annotations.${CLASS_ANNOTATION}`, annotation, text)];
}

export function validateIngressStatus({ status }: Ingress): FieldError[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, i) => {
    const at = `status.loadBalancer.ingress[${i}]`;
    const errors = ip ? invalidEach(`${at}.ip`, ip, ipAddress(ip)) : [];
    if (!hostname) return errors;
    errors.push(...invalidEach(`${at}.hostname`, hostname, dns1123Subdomain(hostname)));
    if (isIP(hostname)) errors.push(invalid(`${at}.hostname`, hostname, NOT_A_NAME));
    return errors;
  });
}

function validateRule(field: string, { host, http }: IngressRule): FieldError[] {
  const errors: FieldError[] = [];
  if (host) {
    if (isIP(host)) errors.push(invalid(`${field}.host`, host, NOT_A_NAME));
    errors.push(...invalidEach(`${field}.host`, host, hostName(host)));
  }
  if (!http) return errors;
  const paths = http.paths ?? [];
  if (paths.length === 0) errors.push(required(`${field}.http.paths`));
  return [...errors, ...paths.flatMap((path, i) => validatePath(`${field}.http.paths[${i}]`, path))];
}

function validatePath(field: string, { path = "", pathType, backend }: HTTPIngressPath): FieldError[] {
  if (!pathType) return [required(`${field}.pathType`, "pathType must be specified")];
  const at = `${field}.path`;
  const errors: FieldError[] = [];
  const specific = pathType === "ImplementationSpecific";
  if (!PATH_TYPES.includes(pathType)) errors.push(notSupported(`${field}.pathType`, pathType, PATH_TYPES));
  else if (!path.startsWith("/") && !(specific && path === ""))
    errors.push(invalid(at, path, "must be an absolute path"));
  if (pathType === "Exact" || pathType === "Prefix") {
    for (const text of BAD_SEQUENCES)
      if (path.includes(text)) errors.push(invalid(at, path, `must not contain '${text}'`));
    for (const text of BAD_ENDINGS)
      if (path.endsWith(text)) errors.push(invalid(at, path, `cannot end with '${text}'`));
  }
  return [...errors, ...validateBackend(`${field}.backend`, backend)];
}

function validateTls(field: string, { hosts = [], secretName }: IngressTLS): FieldError[] {
  const errors = hosts.flatMap((host, i) => invalidEach(`${field}.hosts[${i}]`, host, hostName(host)));
  if (secretName) errors.push(...invalidEach(`${field}.secretName`, secretName, dns1123Subdomain(secretName)));
  return errors;
}
