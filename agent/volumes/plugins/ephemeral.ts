import { ephemeralClaimName } from "#api/storage.js";
import { claimNamed, openClaim } from "../claims.js";
import { VolumeError, type VolumePlugin } from "../plugin.js";

/** A volume of the cluster, by a claim that was made for this Pod and goes with it. */
export const ephemeral: VolumePlugin = {
  name: "ephemeral",
  directoryName: "kubernetes.io~ephemeral",

  async setUp({ name }, context) {
    const { metadata } = context.pod;
    const claim = await claimNamed(ephemeralClaimName(metadata.name, name), context);
    if (!claim.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === metadata.uid))
      throw new VolumeError(`PVC ${metadata.namespace}/${claim.metadata.name} was not created for this pod`);
    return openClaim(claim, context);
  },

  async tearDown() {
    // The data goes with the claim.
  },
};
