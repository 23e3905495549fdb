import type { PodTemplateSpec } from "#api/generated/types.js";
import { canonicalText } from "#api/semantic-equal.js";

export const HASH_LABEL = "pod-template-hash";

/** No vowels and nothing that looks alike: a hash must not spell a word. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

const identities = new WeakMap<PodTemplateSpec, string>();

/** Equal for templates that ask for the same Pods; the hash label of a ReplicaSet's template does not count. */
export function templateIdentity(template: PodTemplateSpec): string {
  let identity = identities.get(template);
  if (identity === undefined) {
    const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
    identity = canonicalText({ ...template, metadata: { ...template.metadata, labels } });
    identities.set(template, identity);
  }
  return identity;
}

/** 32-bit FNV-1a. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Names the ReplicaSet of a template, stably over restarts. Upstream hashes another text, so the same template has another
 * name there; nothing may compare the two.
 * @param collisions raised when the name was taken by another template
 */
export function templateHash(template: PodTemplateSpec, collisions = 0): string {
  const hash = fnv1a(`${templateIdentity(template)}${collisions || ""}`);
  return [...String(hash)].map((digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length]).join("");
}
