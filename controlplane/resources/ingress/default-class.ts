import type { Ingress, IngressClass } from "#api/generated/types.js";
import { ingressClasses } from "#api/refs.js";
import { newestDefault } from "../default-class.js";
import type { AdmissionContext } from "../kind.js";

export const CLASS_ANNOTATION = "kubernetes.io/ingress.class";
export const IS_DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class";

const isDefault = ({ metadata }: IngressClass) => metadata.annotations?.[IS_DEFAULT_ANNOTATION] === "true";

/**
 * A new Ingress that names no class gets the default one; of several the newest.
 * https://kubernetes.io/docs/concepts/services-networking/ingress/#default-ingress-class
 */
export function setDefaultClass(ingress: Ingress, old: Ingress | undefined, context: AdmissionContext): void {
  if (old || !ingress.spec || ingress.spec.ingressClassName !== undefined) return;
  if (ingress.metadata.annotations?.[CLASS_ANNOTATION] !== undefined) return;
  const name = newestDefault(context.list(ingressClasses), isDefault);
  if (name !== undefined) ingress.spec.ingressClassName = name;
}
