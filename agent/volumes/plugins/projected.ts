import type { VolumeProjection } from "#api/generated/types.js";
import { configMapFiles } from "../content/config-map-files.js";
import { type Content, FILE_MODE, showContent } from "../content/content.js";
import { downwardFiles } from "../content/downward-files.js";
import { secretFiles } from "../content/secret-files.js";
import { tokenFile } from "../content/token-file.js";
import { trustBundleFile } from "../content/trust-bundle-file.js";
import { type VolumeContext, VolumeError, type VolumePlugin } from "../plugin.js";
import { removeDirectory } from "../tmpfs.js";

/** Several sources in one directory, which is replaced as a whole; in memory, since Secrets and tokens may be among them. */
export const projected: VolumePlugin = {
  name: "projected",
  directoryName: "kubernetes.io~projected",

  async setUp({ projected: volume = {} }, context) {
    const { sources = [], defaultMode = FILE_MODE } = volume;
    const parts = await Promise.all(sources.map((source) => contentOf(source, defaultMode, context)));
    const files = new Map(parts.flatMap((part) => [...part.files]));
    return showContent({ files, settled: parts.every(({ settled }) => settled) }, context, true);
  },

  tearDown: (_volumeName, context) => removeDirectory(context),
};

async function contentOf(source: VolumeProjection, defaultMode: number, context: VolumeContext): Promise<Content> {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, ...others } = source;
  if (configMap) return configMapFiles(configMap, defaultMode, context);
  if (secret) return secretFiles(secret, defaultMode, context);
  if (downwardAPI) return downwardFiles(downwardAPI.items ?? [], defaultMode, context);
  if (serviceAccountToken) return tokenFile(serviceAccountToken, defaultMode, context);
  if (clusterTrustBundle) return trustBundleFile(clusterTrustBundle, defaultMode, context);
  throw new VolumeError(`projected source ${Object.keys(others)[0] ?? "(none)"} is not supported on this node`);
}
