import { type FieldError, forbidden, invalid, notSupported, required, tooLong } from "#api/field-error.js";
import type { IngressClass, IngressClassParametersReference } from "#api/generated/types.js";
import { ingressClasses } from "#api/refs.js";
import { dns1123Label, dns1123Subdomain, invalidEach, pathSegmentName } from "#api/validation/names.js";
import { ageColumn, nameColumn } from "../columns.js";
import { immutable } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { validateTypedReference } from "./validate-backend.js";

const MAX_CONTROLLER_BYTES = 250;
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const httpPathPattern = new RegExp(`^${HTTP_PATH}$`);
const CONTROLLER = "spec.controller";
const PARAMETERS = "spec.parameters";

/** https://kubernetes.io/docs/concepts/services-networking/ingress/#ingress-class */
export const ingressClass: Kind<IngressClass> = {
  ...ingressClasses,
  singular: "ingressclass",
  schema: "IngressClass",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    { name: "Controller", type: "string", description: "Who serves the class.", value: ({ spec }) => spec?.controller },
    {
      name: "Parameters",
      type: "string",
      description: "Object with settings of the class.",
      value: ({ spec }) => parametersText(spec?.parameters),
    },
    ageColumn,
  ],
  defaults({ spec }) {
    if (spec?.parameters) spec.parameters.scope ??= "Cluster";
  },
  validate: ({ spec }) => [...validateController(spec?.controller ?? ""), ...validateParameters(spec?.parameters)],
  validateUpdate: ({ spec }, old) => immutable(CONTROLLER, spec?.controller, old.spec?.controller),
};

function parametersText(parameters: IngressClassParametersReference | undefined): string {
  if (!parameters) return "<none>";
  const { apiGroup, kind, name } = parameters;
  return `${kind}${apiGroup === undefined ? "" : `.${apiGroup}`}/${name}`;
}

/** A path below a domain: `example.com/proxy`. */
function validateController(controller: string): FieldError[] {
  if (!controller) return [required(CONTROLLER)];
  const errors =
    Buffer.byteLength(controller) > MAX_CONTROLLER_BYTES ? [tooLong(CONTROLLER, MAX_CONTROLLER_BYTES)] : [];
  const slash = controller.indexOf("/");
  const [domain, path] = [controller.slice(0, slash), controller.slice(slash + 1)];
  if (slash < 1 || path === "") {
    const text = 'must be a domain-prefixed path (such as "acme.io/foo")';
    return [...errors, invalid(CONTROLLER, controller, text)];
  }
  errors.push(...invalidEach(CONTROLLER, domain, dns1123Subdomain(domain)));
  if (!httpPathPattern.test(path))
    errors.push(invalid(CONTROLLER, path, `Invalid path (regex used for validation is '${HTTP_PATH}')`));
  return errors;
}

function validateParameters(parameters: IngressClassParametersReference | undefined): FieldError[] {
  if (!parameters) return [];
  const errors = validateTypedReference(PARAMETERS, parameters, pathSegmentName);
  const { scope, namespace } = parameters;
  const field = `${PARAMETERS}.namespace`;
  if (scope !== "Cluster" && scope !== "Namespace")
    return [...errors, notSupported(`${PARAMETERS}.scope`, scope, ["Cluster", "Namespace"])];
  if (scope === "Cluster")
    return namespace === undefined ? errors : [...errors, forbidden(field, "`parameters.scope` is set to 'Cluster'")];
  if (namespace === undefined) return [...errors, required(field, "`parameters.scope` is set to 'Namespace'")];
  return [...errors, ...invalidEach(field, namespace, dns1123Label(namespace))];
}
