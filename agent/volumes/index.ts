/** The volume plugins there are. A volume of any other type is refused by name. */
import type { VolumePlugin } from "./plugin.js";
import { configMap } from "./plugins/config-map.js";
import { downwardAPI } from "./plugins/downward-api.js";
import { emptyDir } from "./plugins/empty-dir.js";
import { ephemeral } from "./plugins/ephemeral.js";
import { hostPath } from "./plugins/host-path.js";
import { image } from "./plugins/image.js";
import { persistentVolumeClaim } from "./plugins/persistent-volume-claim.js";
import { projected } from "./plugins/projected.js";
import { secret } from "./plugins/secret.js";

export const volumePlugins: readonly VolumePlugin[] = [
  configMap,
  downwardAPI,
  emptyDir,
  ephemeral,
  hostPath,
  image,
  persistentVolumeClaim,
  projected,
  secret,
];
