/** Facts about this machine that hold until it boots again. */
import { readFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";
import { readIfPresent } from "./durable-file.js";

export interface Machine {
  kernelVersion: string;
  osImage: string;
  bootID: string;
  systemUUID: string;
  /** Go's name: "amd64", "arm64". */
  architecture: string;
  cores: number;
  /** Bytes. */
  memory: number;
}

const goNames: Record<string, string> = { x64: "amd64", ia32: "386", arm64: "arm64", arm: "arm" };

/** @param machineId stands for the system UUID where the firmware names none */
export function readMachine(machineId: string): Machine {
  return {
    kernelVersion: release(),
    osImage: osImage(readIfPresent("/etc/os-release") ?? ""),
    bootID: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    systemUUID: readIfPresent("/sys/class/dmi/id/product_uuid")?.trim() || machineId,
    architecture: goNames[arch()] ?? arch(),
    cores: cpus().length,
    memory: meminfo().total,
  };
}

/** `PRETTY_NAME` of os-release(5). */
export function osImage(text: string): string {
  return /^PRETTY_NAME=(?:"(.*)"|'(.*)'|(\S+))$/m.exec(text)?.slice(1).find(Boolean) ?? "Unknown";
}

/** Bytes; `available` is what can be had without swapping. */
export function meminfo(text = readFileSync("/proc/meminfo", "utf8")): { total: number; available: number } {
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { total: field("MemTotal"), available: field("MemAvailable") };
}
