/** Traffic counters, read from /proc/<pid>/net/dev: those of the network namespace that the process is in. */
import { readFile } from "node:fs/promises";
import { processIn } from "./cgroup-usage.js";
import { containerFolder, type PodReading, type StatsSource } from "./readings.js";

export interface InterfaceUsage {
  name: string;
  rxBytes: number;
  rxErrors: number;
  txBytes: number;
  txErrors: number;
}

/** Without the loopback. Empty for a Pod on its node's network, whose traffic is the node's, and for one that is gone by now. */
export async function podNetwork(source: StatsSource, { pod, containers }: PodReading): Promise<InterfaceUsage[]> {
  if (pod.spec.hostNetwork) return [];
  for (const { id } of containers) {
    const pid = await processIn(source.layout, containerFolder(source, pod, id));
    if (pid !== undefined) return interfacesOf(pid);
  }
  return [];
}

export const nodeNetwork = () => interfacesOf("self");

async function interfacesOf(pid: number | "self"): Promise<InterfaceUsage[]> {
  try {
    return parseNetDev(await readFile(`/proc/${pid}/net/dev`, "utf8"));
  } catch (error) {
    if (["ENOENT", "EINVAL", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

/** proc_pid_net(5): two lines of headings, then eight counters received and eight sent. */
export function parseNetDev(text: string): InterfaceUsage[] {
  return text
    .split("\n")
    .slice(2)
    .flatMap((line) => {
      const [name, counters] = line.split(":").map((part) => part.trim());
      if (!name || !counters || name === "lo") return [];
      const [rxBytes = 0, , rxErrors = 0, , , , , , txBytes = 0, , txErrors = 0] = counters.split(/\s+/).map(Number);
      return [{ name, rxBytes, rxErrors, txBytes, txErrors }];
    });
}
