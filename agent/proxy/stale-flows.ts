/** UDP has no end of connection: a tracked flow goes on to a backend that is gone until it is forgotten. */
import { tryCommand } from "#cni/lib/command.js";
import type { Frontend } from "./frontends.js";
import type { ServiceRules } from "./service-rules.js";

/** Argument lists for `conntrack`, one for each UDP backend that went. Pure. */
export function staleFlows(before: ServiceRules, after: ServiceRules): string[][] {
  return [...before.udp].flatMap(([id, frontend]) => {
    const staying = new Set((after.udp.get(id)?.backends ?? []).map(({ ip }) => ip));
    const gone = new Set(frontend.backends.map(({ ip }) => ip).filter((ip) => !staying.has(ip)));
    return [...gone].map((ip) => ["-D", "-p", "udp", ...askedFor(frontend), "--dst-nat", ip]);
  });
}

function askedFor({ ip, port, family }: Frontend): string[] {
  const where = ip === undefined ? [] : ["--orig-dst", ip];
  return [...(family === 6 ? ["-f", "ipv6"] : []), ...where, "--orig-port-dst", String(port)];
}

/** @throws Error when conntrack fails for another reason than finding nothing */
export async function forget(flows: readonly (readonly string[])[]): Promise<void> {
  for (const args of flows) {
    const { code, stderr } = await tryCommand("conntrack", args);
    if (code !== 0 && !stderr.includes("0 flow entries"))
      throw new Error(`conntrack ${args.join(" ")}: ${stderr.trim()}`);
  }
}
