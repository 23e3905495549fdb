import { rm } from "node:fs/promises";
import { makeFolders } from "../host/make-folders.js";
import { isFileSystemRoot, unmountTree } from "./mount-points.js";
import type { TearDownContext } from "./plugin.js";

/** A file system in memory on the volume's directory, unless there is one. @param options of mount(8): "mode=0755" */
export async function mountTmpfs({ directory, run }: TearDownContext, options: readonly string[]): Promise<void> {
  await makeFolders(directory);
  if (await isFileSystemRoot(directory)) return;
  await run("mount", ["-t", "tmpfs", "-o", options.join(","), "tmpfs", directory]);
}

/** Removes a volume's directory; the file system on it, and what a container mounted in it, are unmounted and keep their files. */
export async function removeDirectory({ directory, run }: TearDownContext): Promise<void> {
  await unmountTree(directory, run);
  await rm(directory, { recursive: true, force: true });
}
