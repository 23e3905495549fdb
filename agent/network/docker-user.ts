/**
 * Lets pod traffic through beside Docker, which on a stock host drops whatever it forwards that is not its own. An accept in a
 * table of ours cannot overrule that drop; DOCKER-USER is the chain Docker keeps for others and asks first.
 * https://docs.docker.com/engine/network/packet-filtering-firewalls/
 */
import { type CommandResult, runCommand, tryCommand } from "#cni/lib/command.js";
import { isIpv6 } from "./plan.js";

const CHAIN = "DOCKER-USER";
const COMMENT = "berth pods";

/** @returns the rules of ours that the chain should have, as arguments after the chain's name */
export function acceptRules(podCIDRs: readonly string[], program: "iptables" | "ip6tables"): string[][] {
  return podCIDRs
    .filter((cidr) => isIpv6(cidr) === (program === "ip6tables"))
    .flatMap((cidr) => ["-s", "-d"].map((end) => [end, cidr, "-m", "comment", "--comment", COMMENT, "-j", "ACCEPT"]));
}

/**
 * What to run so that the chain accepts pod traffic.
 * @param listing of `iptables -S`
 * @returns argument lists for iptables, empty when all is well
 */
export function missingRules(listing: string, rules: readonly string[][]): string[][] {
  const lines = listing.split("\n");
  const commands: string[][] = [];
  if (!lines.includes(`-N ${CHAIN}`)) commands.push(["-N", CHAIN]);
  for (const rule of rules) if (!lines.includes(printed(rule))) commands.push(["-I", CHAIN, "1", ...rule]);
  // Docker links the chain in when it starts. Without it something else may drop: then we link it ourselves.
  const drops = lines.includes("-P FORWARD DROP");
  if (drops && !lines.includes(`-A FORWARD -j ${CHAIN}`)) commands.push(["-I", "FORWARD", "1", "-j", CHAIN]);
  return commands;
}

/** As `iptables -S` prints the rule. */
const printed = (rule: readonly string[]) =>
  `-A ${CHAIN} ${rule.map((word) => (word.includes(" ") ? `"${word}"` : word)).join(" ")}`;

/** @returns undefined when the program is not installed: then Docker cannot be using it either */
async function tryIptables(program: string, args: readonly string[]): Promise<CommandResult | undefined> {
  try {
    return await tryCommand(program, ["-w", ...args]);
  } catch (error) {
    if (/ENOENT/.test((error as Error).message)) return undefined;
    throw error;
  }
}

const PROGRAMS = ["iptables", "ip6tables"] as const;

/** Asserts the rules; one program start when nothing is missing. @returns how many changes were needed */
export async function acceptPodTraffic(podCIDRs: readonly string[]): Promise<number> {
  let changes = 0;
  for (const program of PROGRAMS) {
    const rules = acceptRules(podCIDRs, program);
    if (rules.length === 0) continue;
    const listing = await tryIptables(program, ["-S"]);
    if (!listing) continue;
    if (listing.code !== 0) throw new Error(`${program} -S: ${listing.stderr.trim()}`);
    for (const command of missingRules(listing.stdout, rules)) {
      await runCommand(program, ["-w", ...command]);
      changes++;
    }
  }
  return changes;
}

/** Takes the rules away, and the chain too when nothing of Docker's is left that would use it. */
export async function withdrawPodTraffic(): Promise<void> {
  for (const program of PROGRAMS) {
    const listing = await tryIptables(program, ["-S"]);
    if (listing?.code !== 0) continue;
    const lines = listing.stdout.split("\n");
    for (const line of lines) {
      if (!line.startsWith(`-A ${CHAIN} `) || !line.includes(`"${COMMENT}"`)) continue;
      const words = line.replaceAll(`"${COMMENT}"`, "\0").split(" ").slice(1);
      await runCommand(program, ["-w", "-D", ...words.map((word) => (word === "\0" ? COMMENT : word))]);
    }
    const theirs = lines.some(
      (line) => line === "-N DOCKER" || (line.startsWith(`-A ${CHAIN} `) && !line.includes(`"${COMMENT}"`)),
    );
    if (theirs || !lines.includes(`-N ${CHAIN}`)) continue;
    if (lines.includes(`-A FORWARD -j ${CHAIN}`)) await runCommand(program, ["-w", "-D", "FORWARD", "-j", CHAIN]);
    await runCommand(program, ["-w", "-X", CHAIN]);
  }
}
