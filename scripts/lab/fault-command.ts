/** `berth lab partition | loss | delay | heal`: breaks links of a lab and mends them. */
import type { Command } from "commander";
import { addDelay, addFault, describeFault, heal } from "./faults.js";
import type { Lab } from "./state.js";

function number(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new Error(`${option} ${text}: expected a number from ${least} to ${most}`);
}

function tell(lab: Lab): void {
  const lines = lab.faults.map(describeFault);
  process.stdout.write(lines.length > 0 ? `${lines.join("\n")}\n` : "all links are whole\n");
}

export function addFaultCommands(lab: Command, find: () => Promise<Lab>): void {
  lab
    .command("partition <node> [other]")
    .description("cut the link between two nodes; without the second, between one and all others")
    .action(async (a: string, b?: string) => {
      const found = await find();
      await addFault(found, { kind: "partition", a, ...(b && { b }) });
      tell(found);
    });
  lab
    .command("loss <node> [other]")
    .description("lose packets at random, both ways")
    .requiredOption("--percent <n>", "how many of a hundred")
    .action(async (a: string, b: string | undefined, options: { percent: string }) => {
      const found = await find();
      const percent = number("--percent", options.percent, 0.1, 100);
      await addFault(found, { kind: "loss", a, ...(b && { b }), percent });
      tell(found);
    });
  lab
    .command("delay <node>")
    .description("slow the node's link down (needs netem in the kernel)")
    .requiredOption("--ms <n>", "milliseconds added to a round trip")
    .action(async (name: string, options: { ms: string }) => {
      const found = await find();
      await addDelay(found, found.node(name), number("--ms", options.ms, 1, 60_000));
      tell(found);
    });
  lab
    .command("heal [node] [other]")
    .description("mend the link between two nodes, all links of one, or everything")
    .action(async (a?: string, b?: string) => {
      const found = await find();
      await heal(found, a, b);
      tell(found);
    });
}
