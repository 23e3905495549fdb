import type { ImageVolumeSource, Pod } from "#api/generated/types.js";
import type { ImageRequest } from "../images/image-manager.js";
import { VolumeError, VolumePending } from "../volumes/plugin.js";
import type { PodEnvironment } from "./pod-environment.js";
import { type CredentialSources, pullCredentials } from "./pull-credentials.js";

/**
 * Sees to it that an image is there for a volume, by the same rules as for a container. Resolves with its id.
 * @throws VolumePending while it is pulled; VolumeError when that failed
 */
export async function volumeImage(
  env: CredentialSources & Pick<PodEnvironment, "images">,
  pod: Pod,
  volumeName: string,
  { reference = "", pullPolicy }: ImageVolumeSource,
  wake: (podUid: string) => void,
): Promise<string> {
  const { uid } = pod.metadata;
  const state = await env.images.ensure({
    podUid: uid,
    startKey: `volume ${volumeName}`,
    image: reference,
    policy: (pullPolicy as ImageRequest["policy"]) ?? "IfNotPresent",
    credentials: () => pullCredentials(env, pod, reference),
    wake: () => wake(uid),
    say: (type, reason, message) => env.events.pod(pod, type, reason, message),
  });
  if (state.state === "ready") return state.image.id;
  if (state.state === "pulling") throw new VolumePending(`image "${reference}" is being pulled`);
  throw new VolumeError(`${state.reason}: ${state.message}`);
}
