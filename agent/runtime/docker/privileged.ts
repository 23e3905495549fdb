/**
 * Privileged containers where the host itself lacks a capability. An engine before Docker 23 asks for every capability that the
 * kernel knows (moby/moby#42906), and the container does not start; such an engine is told what to give by name instead.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HostConfig } from "dockerode";
import type { ContainerConfig } from "../runtime.js";
import { compareApiVersions, type Engine } from "./engine.js";

/** From this API on the engine leaves out what the host does not have. */
const KNOWS_HOST_API = "1.42";

/** By number, as in capabilities(7). */
const CAPABILITIES = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE " +
  "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN " +
  "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE " +
  "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split(" ");

/** Those of the kernel that our own process, and so the engine, does not have. */
export function missingCapabilities(
  procStatus = readFileSync("/proc/self/status", "utf8"),
  last = Number(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8")),
): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(procStatus)?.[1] ?? "0"}`);
  return CAPABILITIES.filter((_, bit) => bit <= last && ((effective >> BigInt(bit)) & 1n) === 0n);
}

/** What replaces the settings of an unprivileged container; empty for such a one. */
export function privilegedConfig({ docker }: Engine, { privileged, securityOptions }: ContainerConfig): HostConfig {
  if (!privileged) return {};
  const missing = missingCapabilities();
  const { version = "" } = docker.modem as { version?: string };
  if (missing.length === 0 || compareApiVersions(version.replace(/^v/, ""), KNOWS_HOST_API) >= 0)
    return { Privileged: true };
  const labels = securityOptions.filter((option) => option.startsWith("label="));
  return {
    CapAdd: ["ALL"],
    CapDrop: missing,
    SecurityOpt: ["seccomp=unconfined", "apparmor=unconfined", ...(labels.length > 0 ? labels : ["label=disable"])],
    MaskedPaths: [],
    ReadonlyPaths: [],
    DeviceCgroupRules: ["a *:* rwm"],
    Devices: hostDevices("/dev").map((path) => ({
      PathOnHost: path,
      PathInContainer: path,
      CgroupPermissions: "rwm",
    })),
  };
}

/** The container has its own of these. */
const NOT_THE_HOSTS = ["pts", "shm", "fd", "mqueue", "console"];

function hostDevices(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (NOT_THE_HOSTS.includes(entry.name)) return [];
    if (entry.isDirectory()) return hostDevices(path);
    return entry.isCharacterDevice() || entry.isBlockDevice() ? [path] : [];
  });
}
