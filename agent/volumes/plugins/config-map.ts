import { rm } from "node:fs/promises";
import { writeAtomically } from "../atomic-writer.js";
import { VolumeError, type VolumePlugin } from "../plugin.js";
import { selectFiles } from "../selected-files.js";

/** The keys of a ConfigMap as files; they follow the ConfigMap's changes. */
export const configMap: VolumePlugin = {
  name: "configMap",
  directoryName: "kubernetes.io~configmap",

  async setUp(volume, context) {
    const { name = "", items, optional = false, defaultMode = 0o644 } = volume.configMap ?? {};
    const found = await context.configMap(name);
    if (!found && !optional) throw new VolumeError(`configmap "${name}" not found`);
    const content = new Map<string, Buffer>();
    for (const [key, text] of Object.entries(found?.data ?? {})) content.set(key, Buffer.from(text));
    for (const [key, base64] of Object.entries(found?.binaryData ?? {}))
      content.set(key, Buffer.from(base64, "base64"));
    const missing = (key: string) => `configmap references non-existent config key: ${key}`;
    const files = selectFiles(content, { items, optional, defaultMode, missing });
    await writeAtomically(context.directory, files, context.pod.spec.securityContext?.fsGroup);
    return context.directory;
  },

  async tearDown(_volumeName, { directory }) {
    await rm(directory, { recursive: true, force: true });
  },
};
