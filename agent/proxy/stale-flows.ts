/**
 * UDP has no end of connection: a tracked flow goes on to a backend that is gone, or to nobody since it began before the service
 * had a backend, until it is forgotten.
 */
import { runCommand, tryCommand } from "#cni/lib/command.js";
import type { Frontend } from "./frontends.js";
import type { ServiceRules } from "./service-rules.js";

const backendsOf = ({ backends, inside = [] }: Frontend) => new Set([...backends, ...inside].map(({ ip }) => ip));

/** Argument lists for `conntrack`: one for each UDP backend that went, one for each frontend that had none until now. Pure. */
export function staleFlows(before: ServiceRules, after: ServiceRules): string[][] {
  const left = [...before.udp].flatMap(([id, frontend]) => {
    const next = after.udp.get(id);
    const staying = next ? backendsOf(next) : new Set();
    const gone = [...backendsOf(frontend)].filter((ip) => !staying.has(ip));
    return gone.map((ip) => [...askedFor(frontend), "--dst-nat", ip]);
  });
  const begun = [...after.udp].flatMap(([id, frontend]) => {
    const old = before.udp.get(id);
    const served = old !== undefined && backendsOf(old).size > 0;
    return served || backendsOf(frontend).size === 0 ? [] : [askedFor(frontend)];
  });
  return [...left, ...begun];
}

function askedFor({ ip, port, family }: Frontend): string[] {
  const where = ip === undefined ? [] : ["--orig-dst", ip];
  return ["-D", "-p", "udp", ...(family === 6 ? ["-f", "ipv6"] : []), ...where, "--orig-port-dst", String(port)];
}

/** Whose addresses are what. */
export interface FlowAddresses {
  /** This node's own, where node ports are. */
  isLocal(ip: string): boolean;
  /** Those that only Services have. */
  isService(ip: string): boolean;
}

/**
 * Flows that go to nobody who serves, out of `conntrack -L`: what changed while no agent was looking. Pure.
 * @param gone frontends there are no more, as far as is known: of one that went while nobody looked only the address tells
 */
export function strayFlows(
  dump: string,
  frontends: readonly Frontend[],
  gone: readonly Frontend[],
  { isLocal, isService }: FlowAddresses,
): string[][] {
  const asked = new Map<string, Set<string>>();
  for (const { ip = "node", port } of gone) asked.set(`${ip} ${port}`, new Set());
  for (const frontend of frontends) asked.set(`${frontend.ip ?? "node"} ${frontend.port}`, backendsOf(frontend));
  return dump.split("\n").flatMap((line) => {
    const [src = "", dst = ""] = [...line.matchAll(/\bsrc=(\S+) dst=(\S+)/g)][0]?.slice(1) ?? [];
    const [sport = "", dport = ""] = line.match(/\bsport=(\d+) dport=(\d+)/)?.slice(1) ?? [];
    const answers = [...line.matchAll(/\bsrc=(\S+)/g)][1]?.[1];
    if (!answers) return [];
    const backends =
      asked.get(`${dst} ${dport}`) ??
      (isLocal(dst) ? asked.get(`node ${dport}`) : undefined) ??
      (isService(dst) ? new Set() : undefined);
    if (!backends || backends.has(answers)) return [];
    // It was never led anywhere, and there is nowhere to lead it now.
    if (backends.size === 0 && answers === dst) return [];
    const family = dst.includes(":") ? ["-f", "ipv6"] : [];
    return [["-D", "-p", "udp", ...family, "-s", src, "-d", dst, "--sport", sport, "--dport", dport]];
  });
}

/** Every tracked UDP flow, as `conntrack -L` prints them. */
export async function trackedFlows(families: ReadonlySet<4 | 6>): Promise<string> {
  const list = (family: 4 | 6) => runCommand("conntrack", ["-L", "-p", "udp", "-f", family === 6 ? "ipv6" : "ipv4"]);
  return (await Promise.all([...families].map(list))).join("\n");
}

/** @throws Error when conntrack fails for another reason than finding nothing */
export async function forget(flows: readonly (readonly string[])[]): Promise<void> {
  for (const args of flows) {
    const { code, stderr } = await tryCommand("conntrack", args);
    if (code !== 0 && !stderr.includes("0 flow entries"))
      throw new Error(`conntrack ${args.join(" ")}: ${stderr.trim()}`);
  }
}
