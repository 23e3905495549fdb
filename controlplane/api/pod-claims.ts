import type { Pod } from "./generated/types.js";
import { ephemeralClaimName } from "./storage.js";

export interface PodClaim {
  /** The claim, in the Pod's namespace. */
  readonly claim: string;
  /** The Pod's own: it is made for it, and goes with it. */
  readonly ephemeral: boolean;
}

/** The claims that a Pod's volumes stand for. */
export function claimsOf({ metadata, spec }: Pick<Pod, "metadata" | "spec">): PodClaim[] {
  return (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }): PodClaim[] => {
    if (persistentVolumeClaim) return [{ claim: persistentVolumeClaim.claimName, ephemeral: false }];
    return ephemeral ? [{ claim: ephemeralClaimName(metadata.name, name), ephemeral: true }] : [];
  });
}
