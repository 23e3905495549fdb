import { formatJoinToken } from "#api/join.js";
import { secrets } from "#api/refs.js";
import { bootstrapTokenSecret, newBootstrapToken } from "#apiserver/authn/bootstrap-token.js";
import { certificateHash } from "#apiserver/pki/certificate.js";
import type { Client } from "#client/client.js";
import { readKubeconfig } from "#client/kubeconfig.js";
import { RestClient } from "#client/rest.js";

/**
 * Stores a new bootstrap token and returns the join token for it.
 * @param ttl seconds; undefined: it never ends
 * @param now milliseconds since the epoch
 */
export async function createToken(kubeconfig: string, ttl: number | undefined, now: number): Promise<string> {
  const config = readKubeconfig(kubeconfig);
  const client = new RestClient({ ...config, userAgent: "berth-token" });
  return storeToken(client, config.ca, ttl, now);
}

/** @param ca PEM */
export async function storeToken(client: Client, ca: string, ttl: number | undefined, now: number): Promise<string> {
  const token = newBootstrapToken();
  const expires = ttl === undefined ? undefined : now + ttl * 1000;
  await client.create(secrets, bootstrapTokenSecret(token, expires));
  return formatJoinToken({ caHash: certificateHash(ca), ...token });
}
