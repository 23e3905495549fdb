import { chmod, mkdir, rm } from "node:fs/promises";
import { quantityValue } from "#api/quantity.js";
import { isMountPoint } from "../mount-points.js";
import { VolumeError, type VolumePlugin } from "../plugin.js";

/** An empty directory that lives as long as the Pod: on the node's disk, or in memory (a tmpfs of its own). */
export const emptyDir: VolumePlugin = {
  name: "emptyDir",
  directoryName: "kubernetes.io~empty-dir",

  async setUp(volume, { directory, run }) {
    const { medium = "", sizeLimit } = volume.emptyDir ?? {};
    if (medium !== "" && medium !== "Memory") throw new VolumeError(`unknown storage medium "${medium}"`);
    await mkdir(directory, { recursive: true });
    if (medium === "Memory" && !(await isMountPoint(directory))) {
      const options = sizeLimit ? ["-o", `size=${quantityValue(sizeLimit)}`] : [];
      await run("mount", ["-t", "tmpfs", ...options, "tmpfs", directory]);
    }
    // Any user of the Pod may write, whatever our umask is.
    await chmod(directory, 0o777);
    return directory;
  },

  async tearDown(_volumeName, { directory, run }) {
    if (await isMountPoint(directory)) await run("umount", [directory]);
    await rm(directory, { recursive: true, force: true });
  },
};
