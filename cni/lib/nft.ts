/** nftables through `nft`: one call is one transaction, all or nothing. */
import { createHash } from "node:crypto";
import { runCommand, tryCommand } from "./command.js";
import type { Attached } from "./plugin.js";

/** @param commands a script in nft's own syntax. @throws CommandError with nft's words; nothing has changed then */
export async function nft(commands: readonly string[] | string): Promise<void> {
  const input = typeof commands === "string" ? commands : `${commands.join("\n")}\n`;
  await runCommand("nft", ["-f", "-"], { input });
}

/** One table with its chains, rules and elements as `nft -j -a` prints them, or undefined when there is none. */
export async function nftTable(family: string, name: string): Promise<NftObject[] | undefined> {
  const result = await tryCommand("nft", ["-j", "-a", "list", "table", family, name]);
  if (result.code !== 0) {
    if (result.stderr.includes("No such file or directory")) return undefined;
    throw new Error(`nft list table ${family} ${name}: ${result.stderr.trim()}`);
  }
  return (JSON.parse(result.stdout) as { nftables: NftObject[] }).nftables;
}

/**
 * "family name" of every table. Asked for by its chains: `nft list tables` (1.0.6) reads every element of every set first, 0.2 s with
 * 10,000 Services, and begins anew whenever something changes meanwhile.
 */
export async function nftTableNames(): Promise<string[]> {
  const text = await runCommand("nft", ["list", "chains"]);
  return text.split("\n").flatMap((line) => line.match(/^table (\S+ \S+)/)?.[1] ?? []);
}

export interface NftObject {
  table?: { family: string; name: string; handle: number };
  chain?: { name: string; handle: number };
  rule?: { chain: string; handle: number; comment?: string };
  set?: NftSet;
  map?: NftSet;
}

export interface NftSet {
  name: string;
  handle: number;
  elem?: unknown[];
}

/** Marks what belongs to one attachment of a network. nft takes comments of at most 128 bytes. */
export function attachmentComment(network: string, { containerId, ifName }: Attached): string {
  const id = containerId.length > 64 ? createHash("sha256").update(containerId).digest("hex") : containerId;
  return `${networkComment(network)}${ifName} ${id}`;
}

/** How the comments of all attachments of a network begin. */
export function networkComment(network: string): string {
  return `${network.length > 40 ? createHash("sha1").update(network).digest("hex") : network} `;
}
