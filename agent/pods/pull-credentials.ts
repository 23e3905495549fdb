import type { Pod } from "#api/generated/types.js";
import { BrokenDockerConfig, type RegistryEntry } from "../images/docker-config.js";
import { parseImageReference } from "../images/image-reference.js";
import type { NodeCredentials } from "../images/node-credentials.js";
import { credentialsFor, entriesOfSecret } from "../images/registry-credentials.js";
import type { RegistryAuth } from "../runtime/runtime.js";
import type { ConfigSource } from "../volumes/config-source.js";
import type { PodEvents } from "./pod-events.js";

export interface CredentialSources {
  config: ConfigSource;
  events: PodEvents;
  nodeCredentials: NodeCredentials;
}

/**
 * What to try at the image's registry: the Pod's own image pull secrets first, then what the node has. A secret that is not
 * there, or of no use, is told in an Event by its name; the pull then fails at the registry, which says why.
 */
export async function pullCredentials(env: CredentialSources, pod: Pod, image: string): Promise<RegistryAuth[]> {
  const reference = parseImageReference(image);
  const own = credentialsFor(reference, await entriesOfPod(env, pod));
  const ofNode = credentialsFor(reference, await env.nodeCredentials.entries());
  const same = (a: RegistryAuth, b: RegistryAuth) => a.username === b.username && a.password === b.password;
  return [...own, ...ofNode.filter((auth) => !own.some((other) => same(auth, other)))];
}

async function entriesOfPod({ config, events }: CredentialSources, pod: Pod): Promise<RegistryEntry[]> {
  const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
  const namespace = pod.metadata.namespace ?? "";
  const entries: RegistryEntry[] = [];
  const useless: string[] = [];
  for (const [i, secret] of (await Promise.all(names.map((name) => config.secret(namespace, name)))).entries()) {
    try {
      if (secret) entries.push(...entriesOfSecret(secret));
      else useless.push(names[i] as string);
    } catch (error) {
      if (!(error instanceof BrokenDockerConfig)) throw error;
      useless.push(error.message);
    }
  }
  if (useless.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${useless.join(", ")}); attempting to pull the image may not succeed.`;
    events.pod(pod, "Warning", "FailedToRetrieveImagePullSecret", message);
  }
  return entries;
}
