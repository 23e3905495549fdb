import { claimNamed, openClaim } from "../claims.js";
import type { VolumePlugin } from "../plugin.js";

/** A volume of the cluster, by the claim that has it: a folder of this node. */
export const persistentVolumeClaim: VolumePlugin = {
  name: "persistentVolumeClaim",
  directoryName: "kubernetes.io~local-volume",

  async setUp({ persistentVolumeClaim: source }, context) {
    const { claimName = "", readOnly = false } = source ?? {};
    return { ...(await openClaim(await claimNamed(claimName, context), context)), readOnly };
  },

  async tearDown() {
    // The data stays, and nothing else was made.
  },
};
