/** The host's own resolver configuration, resolv.conf(5). */
import { existsSync, readFileSync } from "node:fs";

export interface ResolvConf {
  servers: string[];
  searches: string[];
  options: string[];
}

export function parseResolvConf(text: string): ResolvConf {
  const dns: ResolvConf = { servers: [], searches: [], options: [] };
  for (const line of text.split("\n")) {
    const [word, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (word === "nameserver") dns.servers.push(...values.slice(0, 1));
    else if (word === "search" || word === "domain")
      dns.searches = values.map((value) => value.replace(/(.)\.$/, "$1"));
    else if (word === "options") dns.options = values;
  }
  return dns;
}

/** What systemd-resolved itself asks, where the host's own file only names its stub on the host's loopback. */
const BEHIND_STUB = "/run/systemd/resolve/resolv.conf";

/** The file that also means something in a Pod, whose loopback is another. */
export function resolvConfForPods(): string {
  const servers = hostNameServers("/etc/resolv.conf");
  const onlyStub = servers.length > 0 && servers.every((server) => /^(127\.|::1$)/.test(server));
  return onlyStub && existsSync(BEHIND_STUB) ? BEHIND_STUB : "/etc/resolv.conf";
}

/** The servers the host asks; none when it has no such file. */
export function hostNameServers(path: string): string[] {
  return existsSync(path) ? parseResolvConf(readFileSync(path, "utf8")).servers : [];
}
