import type { Ingress } from "#api/generated/types.js";
import { ingresses } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { ingressColumns } from "./columns.js";
import { CLASS_ANNOTATION, setDefaultClass } from "./default-class.js";
import { validateClassChoice, validateIngress, validateIngressStatus } from "./validate.js";

/** https://kubernetes.io/docs/concepts/services-networking/ingress/ */
export const ingress: Kind<Ingress> = {
  ...ingresses,
  singular: "ingress",
  shortNames: ["ing"],
  schema: "Ingress",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: ingressColumns,
  subresources: { status: { withMetadata: true, validate: validateIngressStatus } },
  prepareForCreate(object) {
    object.status = { loadBalancer: {} };
  },
  validate: (object, old) => [...validateIngress(object), ...(old ? [] : validateClassChoice(object))],
  warnings({ metadata, spec }) {
    if (metadata.annotations?.[CLASS_ANNOTATION] === undefined || spec?.ingressClassName !== undefined) return [];
    return [`annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`];
  },
  admission: { beforeWrite: setDefaultClass },
};
