/**
 * Broken links of a lab, as nftables rules on its switch. What is broken stands in the lab's state; the table is made from it
 * as a whole, so that breaking and healing can be repeated and survive whoever asked for them.
 */
import { run, runAny } from "#scripts/run.js";
import { netnsPath, switchPort } from "./namespaces.js";
import type { Lab, LabFault, LabNode } from "./state.js";

const TABLE = "bridge berth-lab-faults";

/** The switch's table for these faults, no table when there is none to make. A delay is not a matter of rules. Pure. */
export function faultRuleset(lab: Lab, faults: readonly LabFault[]): string {
  const rules = faults
    .filter(({ kind }) => kind !== "delay")
    .flatMap((fault) => linkMatches(lab, fault).map((match) => `    ${match} ${verdict(fault)}`));
  const chain = `  chain forward {\n    type filter hook forward priority 0;\n${rules.join("\n")}\n  }`;
  return `table ${TABLE} {}\ndelete table ${TABLE}\n${rules.length > 0 ? `table ${TABLE} {\n${chain}\n}\n` : ""}`;
}

const verdict = ({ kind, percent }: LabFault) =>
  kind === "loss" ? `numgen random mod 1000 < ${Math.round((percent ?? 0) * 10)} drop` : "drop";

/** What passes between the two nodes, or between one and everybody else. Across a router only addresses tell. */
function linkMatches(lab: Lab, { a, b }: LabFault): string[] {
  const one = lab.node(a);
  const port = switchPort(one);
  if (b === undefined) return [`iifname "${port}"`, `oifname "${port}"`];
  const other = lab.node(b);
  return [...between(one, other), ...between(other, one)];
}

function between(from: LabNode, to: LabNode): string[] {
  const direct = `iifname "${switchPort(from)}" oifname "${switchPort(to)}"`;
  const routed = `iifname "${switchPort(from)}" oifname != "${switchPort(to)}" ip daddr ${to.address}`;
  return [direct, routed];
}

/** Adds a fault, in place of one of the same kind between the same nodes. */
export async function addFault(lab: Lab, fault: LabFault): Promise<void> {
  for (const name of [fault.a, fault.b]) if (name !== undefined) lab.node(name);
  if (fault.a === fault.b) throw new Error(`${fault.a} has no link to itself`);
  lab.state.faults = [...lab.faults.filter((known) => !(known.kind === fault.kind && sameLink(known, fault))), fault];
  await lab.save();
  await applyFaults(lab);
}

/** Heals the link between two nodes, all links of one, or everything. @returns how many faults there were */
export async function heal(lab: Lab, a?: string, b?: string): Promise<number> {
  const before = lab.faults;
  const healed = (fault: LabFault) => {
    if (a === undefined) return true;
    if (b === undefined) return fault.a === a || fault.b === a;
    return sameLink(fault, { a, b });
  };
  for (const { kind, a: name } of before.filter(healed)) if (kind === "delay") await removeDelay(lab, lab.node(name));
  lab.state.faults = before.filter((fault) => !healed(fault));
  await lab.save();
  await applyFaults(lab);
  return before.length - lab.faults.length;
}

function sameLink(one: Pick<LabFault, "a" | "b">, other: Pick<LabFault, "a" | "b">): boolean {
  return (one.a === other.a && one.b === other.b) || (one.a === other.b && one.b === other.a);
}

/** Makes the switch as the lab's state says; also after the switch was made anew. */
export async function applyFaults(lab: Lab): Promise<void> {
  const nft = [`--net=${netnsPath(lab.switchNamespace)}`, "nft", "-f", "-"];
  await run("nsenter", nft, { input: faultRuleset(lab, lab.faults) });
  for (const { a, milliseconds } of lab.faults)
    if (milliseconds !== undefined) await setDelay(lab, lab.node(a), milliseconds);
}

/** @throws Error when the kernel has no netem: nothing was changed then */
export async function addDelay(lab: Lab, node: LabNode, milliseconds: number): Promise<void> {
  await setDelay(lab, node, milliseconds);
  await addFault(lab, { kind: "delay", a: node.name, milliseconds });
}

/** Delays everything a node sends and receives, by netem on both ends of its link: half on each. */
async function setDelay(lab: Lab, node: LabNode, milliseconds: number): Promise<void> {
  for (const [namespace, link] of linkEnds(lab, node)) {
    const netem = ["replace", "dev", link, "root", "netem", "delay", `${milliseconds / 2}ms`];
    const { code, stderr } = await runAny("tc", ["-n", namespace, "qdisc", ...netem]);
    if (code === 0) continue;
    if (!/unknown|No such file/i.test(stderr)) throw new Error(`tc: ${stderr.trim()}`);
    throw new Error(
      "this kernel has no netem (CONFIG_NET_SCH_NETEM): links cannot be slowed down here, but `berth lab loss` and `partition` work",
    );
  }
}

async function removeDelay(lab: Lab, node: LabNode): Promise<void> {
  for (const [namespace, link] of linkEnds(lab, node))
    await runAny("tc", ["-n", namespace, "qdisc", "del", "dev", link, "root"]);
}

const linkEnds = (lab: Lab, node: LabNode): readonly [namespace: string, link: string][] => [
  [lab.namespace(node), "eth0"],
  [lab.switchNamespace, switchPort(node)],
];

/** One line a fault, for a person. */
export function describeFault({ kind, a, b, percent, milliseconds }: LabFault): string {
  const link = b === undefined ? `${a} — all others` : `${a} — ${b}`;
  const how = { partition: "cut", loss: `loses ${percent} %`, delay: `slow by ${milliseconds} ms` }[kind];
  return `${link}: ${how}`;
}
