import type { Pod } from "#api/generated/types.js";

/** Linux allows no longer host names. */
const MAX_HOSTNAME = 63;

/**
 * The Pod's host name, and its domain when it is in a subdomain.
 * https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-hostname-and-subdomain-field
 */
export function podHostname(pod: Pod, clusterDomain: string): { hostname: string; domain: string } {
  const { hostname, hostnameOverride, subdomain, setHostnameAsFQDN } = pod.spec;
  if (hostnameOverride) return { hostname: hostnameOverride, domain: "" };
  const short = (hostname ?? pod.metadata.name).slice(0, MAX_HOSTNAME).replace(/[-.]+$/, "");
  const domain = subdomain ? `${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : "";
  return setHostnameAsFQDN && domain ? { hostname: `${short}.${domain}`, domain: "" } : { hostname: short, domain };
}
