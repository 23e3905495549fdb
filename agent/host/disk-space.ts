import { statfs } from "node:fs/promises";

/** Bytes of the file system that holds the folder; `available` is what is left to others than root. */
export async function diskSpace(folder: string): Promise<{ capacity: number; available: number }> {
  const { blocks, bavail, bsize } = await statfs(folder);
  return { capacity: blocks * bsize, available: bavail * bsize };
}
