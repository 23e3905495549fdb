import { FILE_MODE, showContent } from "../content/content.js";
import { secretFiles } from "../content/secret-files.js";
import type { VolumePlugin } from "../plugin.js";
import { removeDirectory } from "../tmpfs.js";

/** The keys of a Secret as files, held in memory (tmpfs) so that they never reach the disk; they follow its changes. */
export const secret: VolumePlugin = {
  name: "secret",
  directoryName: "kubernetes.io~secret",

  async setUp({ secret: source = {} }, context) {
    const { secretName: name, items, optional, defaultMode = FILE_MODE } = source;
    return showContent(await secretFiles({ name, items, optional }, defaultMode, context), context, true);
  },

  tearDown: (_volumeName, context) => removeDirectory(context),
};
