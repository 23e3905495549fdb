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

/** The servers the host asks; none when it has no such file. */
export function hostNameServers(path: string): string[] {
  return existsSync(path) ? parseResolvConf(readFileSync(path, "utf8")).servers : [];
}
