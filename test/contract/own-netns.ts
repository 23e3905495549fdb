/**
 * Tests that make links, routes and rules do so in a network namespace of their own, never in the machine's. It has no way
 * out and ends with the last process in it, so nothing can leak, however a test dies.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import type { Test } from "tap";
import { ipBatch } from "#cni/lib/ip-command.js";

/**
 * First line of such a test file: starts the file again inside a new namespace, and ends this process as that one ends.
 * @param mounts with a mount namespace of its own, too, whose mounts nobody else sees
 */
export async function enterOwnNetns(moduleUrl: string, { mounts = false } = {}): Promise<void> {
  if (process.env["BERTH_TEST_NETNS"]) return await ipBatch(["link set lo up"]);
  // Without NODE_OPTIONS: tap's loader would make every program of ours that the test starts four times as slow.
  const args = [
    "--net",
    ...(mounts ? ["--mount"] : []),
    "env",
    "-u",
    "NODE_OPTIONS",
    process.execPath,
    fileURLToPath(moduleUrl),
  ];
  const child = spawn("unshare", [...args, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, BERTH_TEST_NETNS: readlinkSync("/proc/self/ns/net") },
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGALRM"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  process.exit(code ?? 1);
}

/** A network namespace held by a sleeping process, as a sandbox container holds one. */
export interface HeldNetns {
  pid: number;
  /** /proc/<pid>/ns/net */
  path: string;
  /** Starts a program inside. */
  spawn(command: string, args: readonly string[]): ChildProcess;
  /** Runs a program inside to its end. */
  run(command: string, args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  /** Ends the holder and everything started inside. */
  end(): Promise<void>;
}

export async function holdNetns(): Promise<HeldNetns> {
  const holder = spawn("unshare", ["--net", "sleep", "600"], { stdio: "ignore" });
  const pid = holder.pid ?? 0;
  const path = `/proc/${pid}/ns/net`;
  const ours = readlinkSync("/proc/self/ns/net");
  await eventually(() => readlinkSync(path) !== ours, 30);
  const children = new Set<ChildProcess>([holder]);
  const start = (command: string, args: readonly string[]) => {
    const child = spawn("nsenter", [`--net=${path}`, command, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    child.on("exit", () => children.delete(child));
    return child;
  };
  holder.on("exit", () => children.delete(holder));
  return {
    pid,
    path,
    spawn: start,
    run: async (command, args) => await collect(start(command, args)),
    end: async () => {
      const ends = [...children].map((child) => (child.exitCode === null ? once(child, "exit") : undefined));
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(ends);
    },
  };
}

async function collect(child: ChildProcess): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += String(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    stderr += String(chunk);
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, stdout, stderr };
}

/** Waits until `probe` is truthy. @throws Error after `seconds` */
export async function eventually<T>(probe: () => Promise<T | undefined> | T | undefined, seconds = 60): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${probe}`);
    await sleep(50);
  }
}

/** Asserts what comes to be so, in its own time. */
export async function becomes<T>(t: Test, probe: () => Promise<T>, wanted: T): Promise<void> {
  await eventually(async () => isDeepStrictEqual(await probe(), wanted)).catch(() => undefined);
  t.same(await probe(), wanted);
}

export const setSysctl = (path: string, value: string) => writeFileSync(`/proc/sys/${path}`, value);
