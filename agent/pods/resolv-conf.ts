/** The Pod's /etc/resolv.conf. https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy */
import type { Pod } from "#api/generated/types.js";
import { parseResolvConf, type ResolvConf } from "../host/resolv-conf.js";

export interface ClusterDns {
  /** Address of the cluster's DNS; none: Pods use the node's. */
  servers: readonly string[];
  domain: string;
}

/** What resolvers take: the C library cuts or ignores the rest without a word. */
const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;
const MAX_SEARCH_PATH = 253;

/**
 * @param hostFile content of the node's own file
 * @returns the file, and a sentence for each thing that had to be left out of it
 */
export function resolvConf(pod: Pod, cluster: ClusterDns, hostFile: string): { text: string; problems: string[] } {
  const whole = withDnsConfig(pod, byPolicy(pod, cluster, parseResolvConf(hostFile)));
  const dns = { ...whole, servers: whole.servers.slice(0, MAX_SERVERS), searches: fittingSearches(whole.searches) };
  const problems: string[] = [];
  if (dns.servers.length < whole.servers.length)
    problems.push(omitted("Nameserver", "nameservers", "nameserver", dns.servers));
  if (dns.searches.length < whole.searches.length)
    problems.push(omitted("Search Line", "search paths", "search", dns.searches));
  const lines = [...dns.servers.map((server) => `nameserver ${server}`)];
  if (dns.searches.length > 0) lines.unshift(`search ${dns.searches.join(" ")}`);
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(" ")}`);
  return { text: lines.map((line) => `${line}\n`).join(""), problems };
}

const omitted = (limits: string, what: string, line: string, applied: readonly string[]) =>
  `${limits} limits were exceeded, some ${what} have been omitted, the applied ${line} line is: ${applied.join(" ")}`;

function fittingSearches(searches: readonly string[]): string[] {
  const fitting = searches.slice(0, MAX_SEARCHES).filter(({ length }) => length <= MAX_SEARCH_PATH);
  while (fitting.join(" ").length > MAX_SEARCH_CHARS) fitting.pop();
  return fitting;
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
