import type { Pod } from "#api/generated/types.js";
import { podHostname } from "./pod-hostname.js";

/** The Pod's /etc/hosts, as kubelets write it. @param hostFile content of the node's own file, for Pods on its network */
export function hostsFile(pod: Pod, podIPs: readonly string[], clusterDomain: string, hostFile: string): string {
  const body = pod.spec.hostNetwork
    ? `# Kubernetes-managed hosts file (host network).\n${hostFile}`
    : ownHosts(pod, podIPs, clusterDomain);
  const aliases = (pod.spec.hostAliases ?? []).filter(({ hostnames }) => hostnames && hostnames.length > 0);
  if (aliases.length === 0) return body;
  const lines = aliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join("\t"));
  return `${body}\n# Entries added by HostAliases.\n${lines.join("\n")}\n`;
}

function ownHosts(pod: Pod, podIPs: readonly string[], clusterDomain: string): string {
  const { hostname, domain } = podHostname(pod, clusterDomain);
  const names = domain ? [`${hostname}.${domain}`, hostname] : [hostname];
  return [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    ...podIPs.map((ip) => [ip, ...names].join("\t")),
    "",
  ].join("\n");
}
