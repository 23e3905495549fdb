/** Which Ingresses are ours to serve. https://kubernetes.io/docs/concepts/services-networking/ingress/#ingress-class */
import type { Ingress, IngressClass } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";

/** What an IngressClass names in `spec.controller` to be served by Berth's own proxies. */
export const CONTROLLER = "berth.dev/nginx";
/** How Ingresses named their class before there was a field for it. */
const CLASS_ANNOTATION = "kubernetes.io/ingress.class";

/** Older objects win where two want the same; of the same age the one whose name comes first. */
export function byAge({ metadata: a }: KubeObject, { metadata: b }: KubeObject): number {
  return (
    a.creationTimestamp.localeCompare(b.creationTimestamp) ||
    (a.namespace ?? "").localeCompare(b.namespace ?? "") ||
    a.name.localeCompare(b.name)
  );
}

export function ourClasses(classes: readonly IngressClass[]): IngressClass[] {
  return classes.filter(({ spec }) => spec?.controller === CONTROLLER).sort(byAge);
}

/** The Ingresses of those classes, oldest first; what is being deleted is served no more. */
export function ingressesOf(classes: readonly IngressClass[], ingresses: readonly Ingress[]): Ingress[] {
  const names = new Set(classes.map(({ metadata }) => metadata.name));
  const ours = ({ metadata, spec }: Ingress) =>
    !metadata.deletionTimestamp && names.has(spec?.ingressClassName ?? metadata.annotations?.[CLASS_ANNOTATION] ?? "");
  return ingresses.filter(ours).sort(byAge);
}
