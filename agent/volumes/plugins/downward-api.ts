import { FILE_MODE, showContent } from "../content/content.js";
import { downwardFiles } from "../content/downward-files.js";
import type { VolumePlugin } from "../plugin.js";
import { removeDirectory } from "../tmpfs.js";

/** Fields of the Pod and of its containers as files; labels and annotations are followed. */
export const downwardAPI: VolumePlugin = {
  name: "downwardAPI",
  directoryName: "kubernetes.io~downward-api",

  async setUp({ downwardAPI: source = {} }, context) {
    return showContent(downwardFiles(source.items ?? [], source.defaultMode ?? FILE_MODE, context), context, false);
  },

  tearDown: (_volumeName, context) => removeDirectory(context),
};
