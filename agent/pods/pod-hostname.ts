import type { Pod } from "#api/generated/types.js";

/** Linux allows no longer host names; upstream counts one character less for those it cuts. */
const MAX_KERNEL_NAME = 64;
const MAX_HOSTNAME = 63;

/**
 * The Pod's host name, and its domain when it is in a subdomain.
 * https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-hostname-and-subdomain-field
 */
export function podHostname(pod: Pod, clusterDomain: string): { hostname: string; domain: string } {
  const { hostname, hostnameOverride, subdomain } = pod.spec;
  if (hostnameOverride) return { hostname: hostnameOverride, domain: "" };
  const short = (hostname ?? pod.metadata.name).slice(0, MAX_HOSTNAME).replace(/[-.]+$/, "");
  return { hostname: short, domain: subdomain ? `${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : "" };
}

/** What `uname -n` says in the Pod. @throws Error when the whole name was asked for and is too long for the kernel */
export function kernelHostname(pod: Pod, clusterDomain: string): string {
  const { hostname, domain } = podHostname(pod, clusterDomain);
  if (!pod.spec.setHostnameAsFQDN || !domain) return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length > MAX_KERNEL_NAME)
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${MAX_KERNEL_NAME} characters is the max, ${full.length} characters requested)`,
    );
  return full;
}
