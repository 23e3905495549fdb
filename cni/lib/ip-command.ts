/** The `ip` program, in our namespace or in another; many changes in one process start. */
import { CommandError, runCommand, tryCommand } from "./command.js";

/** One line of an `ip -batch` that the kernel refused; the lines before it took effect, those after it did not. */
export class IpBatchError extends Error {
  constructor(
    /** Index of the refused line. */
    readonly index: number,
    readonly line: string,
    readonly reason: string,
    program = "ip",
  ) {
    super(`${program} ${line}: ${reason}`);
    this.name = "IpBatchError";
  }

  get exists(): boolean {
    return /File exists|already assigned/.test(this.reason);
  }
}

/** The same with `bridge`, always in our own namespace. */
export async function bridgeBatch(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await batch("bridge", "bridge", ["-batch", "-"], lines);
}

/** The command line that runs `program` in the namespace, or right here. */
function inNamespace(netns: string | undefined, program: string, args: readonly string[]): [string, string[]] {
  return netns === undefined ? [program, [...args]] : ["nsenter", [`--net=${netns}`, program, ...args]];
}

/**
 * @param lines `ip` commands without the word ip; nothing in them may contain white space that is not a separator
 * @throws IpBatchError for the first line that fails; with `force`, for the first one after all were tried
 */
export async function ipBatch(lines: readonly string[], netns?: string, force = false): Promise<void> {
  if (lines.length === 0) return;
  const [command, args] = inNamespace(netns, "ip", [...(force ? ["-force"] : []), "-batch", "-"]);
  await batch("ip", command, args, lines);
}

async function batch(program: string, command: string, args: readonly string[], lines: readonly string[]) {
  const result = await tryCommand(command, args, { input: `${lines.join("\n")}\n` });
  if (result.code === 0) return;
  const failed = result.stderr.match(/^Command failed -:(\d+)/m);
  if (!failed) throw new CommandError([command, ...args].join(" "), result);
  const index = Number(failed[1]) - 1;
  const reason = result.stderr.slice(0, failed.index).trim() || "refused";
  throw new IpBatchError(index, lines[index] ?? "", reason.replace(/^(RTNETLINK answers|Error): /, ""), program);
}

/** `ip -j ARGS` parsed. */
export async function ipJson<T>(args: readonly string[], netns?: string): Promise<T[]> {
  const [command, all] = inNamespace(netns, "ip", ["-j", "-d", ...args]);
  const text = await runCommand(command, all);
  return (text.trim() ? JSON.parse(text) : []) as T[];
}

/** The parts of `ip -j -d addr show` that we read. */
export interface LinkJson {
  ifname: string;
  address?: string;
  mtu: number;
  flags: string[];
  master?: string;
  linkinfo?: {
    info_kind?: string;
    /** Of a VXLAN link. */
    info_data?: { id?: number; port?: number; local?: string; local6?: string };
    info_slave_data?: { hairpin?: boolean; isolated?: boolean };
  };
  addr_info?: { family: string; local: string; prefixlen: number; scope: string }[];
}

/** The parts of `ip -j -d route show` that we read. */
export interface RouteJson {
  type?: string;
  dst: string;
  gateway?: string;
  dev?: string;
  protocol?: string;
  scope?: string;
  prefsrc?: string;
  metric?: number;
  flags?: string[];
}
