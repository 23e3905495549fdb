/**
 * What can be known of the links of a network namespace without starting a program. `/sys/class/net` is no help: it shows
 * the namespace in which /sys was mounted; `/proc/<pid>/net` shows the namespace the process is in.
 */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";

/** Names of all links in our own namespace. */
export function linkNames(): Set<string> {
  const lines = readFileSync("/proc/self/net/dev", "utf8").split("\n").slice(2);
  return new Set(lines.map((line) => line.slice(0, line.indexOf(":")).trim()).filter(Boolean));
}

/** Addresses ("10.0.0.1/24") of a link of our own namespace that is up, and its hardware address. */
export function linkAddresses(name: string): { addresses: string[]; mac?: string } {
  const entries = networkInterfaces()[name] ?? [];
  return { addresses: entries.flatMap((e) => (e.cidr ? [e.cidr] : [])), mac: entries[0]?.mac };
}

/** True when the namespace has 127.0.0.1; undefined when the path does not let us see without entering it. */
export function loopbackIsUp(netns: string): boolean | undefined {
  const pid = netns.match(/^\/proc\/(\d+|self)\/(?:task\/\d+\/)?ns\/net$/)?.[1];
  if (!pid) return undefined;
  const lines = readFileSync(`/proc/${pid}/net/fib_trie`, "utf8").split("\n");
  return lines.some((line, i) => line.trim() === "|-- 127.0.0.1" && (lines[i + 1] ?? "").includes("/32 host LOCAL"));
}
