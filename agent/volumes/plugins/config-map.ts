import { configMapFiles } from "../content/config-map-files.js";
import { FILE_MODE, showContent } from "../content/content.js";
import type { VolumePlugin } from "../plugin.js";
import { removeDirectory } from "../tmpfs.js";

/** The keys of a ConfigMap as files; they follow the ConfigMap's changes. */
export const configMap: VolumePlugin = {
  name: "configMap",
  directoryName: "kubernetes.io~configmap",

  async setUp({ configMap: source = {} }, context) {
    return showContent(await configMapFiles(source, source.defaultMode ?? FILE_MODE, context), context, false);
  },

  tearDown: (_volumeName, context) => removeDirectory(context),
};
