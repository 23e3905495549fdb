import { mkdir, rm } from "node:fs/promises";
import { writeAtomically } from "../atomic-writer.js";
import { isMountPoint } from "../mount-points.js";
import { VolumeError, type VolumePlugin } from "../plugin.js";
import { selectFiles } from "../selected-files.js";

/** The keys of a Secret as files, held in memory (tmpfs) so that they never reach the disk; they follow its changes. */
export const secret: VolumePlugin = {
  name: "secret",
  directoryName: "kubernetes.io~secret",

  async setUp(volume, context) {
    const { secretName = "", items, optional = false, defaultMode = 0o644 } = volume.secret ?? {};
    const found = await context.secret(secretName);
    if (!found && !optional) throw new VolumeError(`secret "${secretName}" not found`);
    const content = new Map<string, Buffer>();
    for (const [key, base64] of Object.entries(found?.data ?? {})) content.set(key, Buffer.from(base64, "base64"));
    const missing = (key: string) => `references non-existent secret key: ${key}`;
    const files = selectFiles(content, { items, optional, defaultMode, missing });
    await mkdir(context.directory, { recursive: true });
    if (!(await isMountPoint(context.directory)))
      await context.run("mount", ["-t", "tmpfs", "-o", "mode=0755", "tmpfs", context.directory]);
    await writeAtomically(context.directory, files, context.pod.spec.securityContext?.fsGroup);
    return context.directory;
  },

  async tearDown(_volumeName, { directory, run }) {
    if (await isMountPoint(directory)) await run("umount", [directory]);
    await rm(directory, { recursive: true, force: true });
  },
};
