/** The Pod's /etc/resolv.conf. https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy */
import type { Pod } from "#api/generated/types.js";
import { parseResolvConf, type ResolvConf } from "../host/resolv-conf.js";

export interface ClusterDns {
  /** Address of the cluster's DNS; none: Pods use the node's. */
  servers: readonly string[];
  domain: string;
}

/** @param hostFile content of the node's own file */
export function resolvConf(pod: Pod, cluster: ClusterDns, hostFile: string): string {
  const dns = withDnsConfig(pod, byPolicy(pod, cluster, parseResolvConf(hostFile)));
  const lines = [...dns.servers.map((server) => `nameserver ${server}`)];
  if (dns.searches.length > 0) lines.unshift(`search ${dns.searches.join(" ")}`);
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(" ")}`);
  return lines.map((line) => `${line}\n`).join("");
}

function byPolicy(pod: Pod, cluster: ClusterDns, host: ResolvConf): ResolvConf {
  const policy = pod.spec.dnsPolicy ?? "ClusterFirst";
  if (policy === "None") return { servers: [], searches: [], options: [] };
  const wantsCluster = policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && !pod.spec.hostNetwork);
  if (!wantsCluster || cluster.servers.length === 0) return host;
  const { domain } = cluster;
  const own = [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return { servers: [...cluster.servers], searches: unique([...own, ...host.searches]), options: ["ndots:5"] };
}

function withDnsConfig(pod: Pod, dns: ResolvConf): ResolvConf {
  const { nameservers = [], searches = [], options = [] } = pod.spec.dnsConfig ?? {};
  const own = options.map(({ name, value }) => (value === undefined ? String(name) : `${name}:${value}`));
  const overridden = new Set(options.map(({ name }) => name));
  const kept = dns.options.filter((option) => !overridden.has(option.split(":")[0]));
  return {
    servers: unique([...dns.servers, ...nameservers]),
    searches: unique([...dns.searches, ...searches]),
    options: [...kept, ...own],
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
