import { readFileSync } from "node:fs";
import type { Dns } from "#cni/lib/types.js";

/** The DNS settings of a resolv.conf file (resolv.conf(5)). */
export function readResolvConf(path: string): Dns {
  const dns: Required<Omit<Dns, "domain">> & Dns = { nameservers: [], search: [], options: [] };
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver") dns.nameservers.push(...values.slice(0, 1));
    else if (keyword === "domain" && values[0]) dns.domain = values[0];
    else if (keyword === "search") dns.search.push(...values);
    else if (keyword === "options") dns.options.push(...values);
  }
  return dns;
}
