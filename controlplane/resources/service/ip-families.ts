/** https://kubernetes.io/docs/concepts/services-networking/dual-stack/ */
import { isIPv6 } from "node:net";
import type { Service } from "#api/generated/types.js";
import { isHeadless, NONE } from "./needs.js";

export const familyOf = (address: string) => (isIPv6(address.split("/")[0] ?? "") ? "IPv6" : "IPv4");

/** Fills ipFamilies and ipFamilyPolicy from what the client gave and the families the cluster has. */
export function setFamilies(service: Service, clusterFamilies: readonly string[]): void {
  const { spec } = service;
  if (spec.type === "ExternalName") return;
  const first = clusterFamilies[0] ?? "IPv4";
  const addresses = (spec.clusterIPs ?? []).filter((ip) => ip !== NONE);
  if (!spec.ipFamilies?.length) spec.ipFamilies = addresses.length > 0 ? addresses.map(familyOf) : [first];
  const open = isHeadless(service) && Object.keys(spec.selector ?? {}).length === 0;
  const wantsBoth = open
    ? spec.ipFamilyPolicy !== "SingleStack"
    : (spec.ipFamilyPolicy ?? "SingleStack") !== "SingleStack";
  const hasBoth = open || clusterFamilies.length > 1;
  if (spec.ipFamilies.length === 1 && wantsBoth && hasBoth)
    spec.ipFamilies.push(spec.ipFamilies[0] === "IPv4" ? "IPv6" : "IPv4");
  spec.ipFamilyPolicy ??= spec.ipFamilies.length > 1 ? "RequireDualStack" : "SingleStack";
}
