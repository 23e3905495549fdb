/** What this host cannot do, and what that means for Pods: told in an Event on the Node at every start. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CgroupLayout, missingControllers } from "./cgroup-layout.js";
import { readIfPresent } from "./durable-file.js";

const capabilities = { NET_ADMIN: 12, SYS_ADMIN: 21, SYS_RESOURCE: 24 } as const;

const consequences: Record<keyof typeof capabilities, string> = {
  NET_ADMIN: "the Pod network and Services cannot be set up",
  SYS_ADMIN: "volumes cannot be mounted and namespaces not entered",
  SYS_RESOURCE: "containers keep the default OOM score, and privileged ones do without it too",
};

/** One sentence each; empty on a complete host. */
export function hostLimitations(
  layout: CgroupLayout,
  processStatus = readFileSync("/proc/self/status", "utf8"),
): string[] {
  const effective = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(processStatus)?.[1] ?? "0"}`);
  const found: string[] = [];
  for (const [name, bit] of Object.entries(capabilities)) {
    if ((effective >> BigInt(bit)) & 1n) continue;
    found.push(`CAP_${name} is missing: ${consequences[name as keyof typeof capabilities]}`);
  }
  const offered = readIfPresent(join(layout.mount, "cgroup.controllers"))?.trim().split(/\s+/) ?? [];
  for (const controller of missingControllers(layout, offered)) {
    found.push(`the ${controller} cgroup controller is missing: its limits and figures do not apply to Pods`);
  }
  return found;
}
