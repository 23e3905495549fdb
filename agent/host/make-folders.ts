import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes a folder with all above it; one that is there already is fine. @throws Error that says why it cannot be made */
export async function makeFolders(path: string, mode?: number): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    // On a read-only file system Node says that a folder above is missing, not why it could not make it.
    if (dirname(path) !== path) await makeFolders(dirname(path), mode);
    await mkdir(path, { mode });
  }
}
