/** Puts the program itself on the machine: what it needs to run, without what it takes to build and test it. */
import { cp, lstat, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nodeFlags, type Program } from "#controlplane/node-flags.js";
import { pinnedClient } from "#scripts/lab/kubectl.js";
import { run } from "#scripts/run.js";
import { COMMAND, KUBECTL, REPOSITORY, TREE } from "./paths.js";

/** Folders of the packages the program needs, "node_modules/…", as npm wrote down what it installed. */
export function neededPackages(lock: string): string[] {
  const { packages } = JSON.parse(lock) as { packages: Record<string, { dev?: boolean; devOptional?: boolean }> };
  return Object.entries(packages)
    .filter(([folder, { dev, devOptional }]) => folder !== "" && !dev && !devOptional)
    .map(([folder]) => folder);
}

const BUILT = ["agent", "cni", "controlplane", "generated", "scripts"];

/** Every file below the folders but those only compilers and debuggers read, which are half of all. */
async function filesIn(folders: readonly string[]): Promise<string[]> {
  const names = ["*.map", "*.ts", "*.mts", "*.cts"].flatMap((name) => ["!", "-name", name]);
  const found = await run("find", [...folders, "!", "-type", "d", ...names, "-print0"], { cwd: REPOSITORY });
  return found.split("\0").filter(Boolean);
}

/**
 * Replaces what an earlier version left: all of it or, when cut off, nothing.
 * @returns whether there was anything to do
 */
export async function copyTree(withKubectl: boolean): Promise<boolean> {
  await writeCommand();
  if (await isCurrent()) return false;
  const next = `${TREE}.next`;
  await rm(next, { recursive: true, force: true });
  await mkdir(next, { recursive: true, mode: 0o755 });
  const lock = await readFile(join(REPOSITORY, "node_modules/.package-lock.json"), "utf8");
  // A package within another's folder comes with it.
  const packages = neededPackages(lock).filter((folder) => folder.lastIndexOf("node_modules/") === 0);
  const folders = ["scripts", ...BUILT.map((name) => `dist/${name}`), ...packages];
  const files = ["package.json", "README.md", "LICENSE", "dist/berth.js", "dist/.built", ...(await filesIn(folders))];
  await run("cp", ["-a", "--parents", "--no-preserve=ownership", ...files, next], { cwd: REPOSITORY });
  if (withKubectl) {
    await mkdir(join(next, "bin"));
    await cp(await pinnedClient("kubectl", "v35"), join(next, "bin/kubectl"));
  }
  await rename(TREE, `${TREE}.old`).catch(unlessMissing);
  await rename(next, TREE);
  await rm(`${TREE}.old`, { recursive: true, force: true });
  if (withKubectl && !(await exists(KUBECTL))) await symlink(join(TREE, "bin/kubectl"), KUBECTL);
  return true;
}

/** Every build leaves its mark, and a copy keeps the mark's time. */
async function isCurrent(): Promise<boolean> {
  const [built, installed] = await Promise.all(
    [REPOSITORY, TREE].map((tree) => stat(join(tree, "dist/.built")).catch(unlessMissing)),
  );
  return built !== undefined && built.mtimeMs === installed?.mtimeMs;
}

/** With the very Node.js that installed it, which a service's PATH may not lead to. */
async function writeCommand(): Promise<void> {
  const start = (program: Program) => [process.execPath, ...nodeFlags[program], join(TREE, "dist/berth.js")].join(" ");
  await mkdir(dirname(COMMAND), { recursive: true });
  const lines = ["#!/bin/sh", `[ "$1" = agent ] && exec ${start("agent")} "$@"`, `exec ${start("server")} "$@"`, ""];
  await writeFile(COMMAND, lines.join("\n"), { mode: 0o755 });
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(unlessMissing)) !== undefined;
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
