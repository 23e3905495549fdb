/** What a machine that is to join can learn of the cluster before anything on it is changed. */
import { fetchAuthority } from "#agent/join/authority.js";
import { connectionError, JoinError, refusal } from "#agent/join/join-error.js";
import { loadIdentity } from "#agent/join/node-identity.js";
import { type NodeClusterConfig, parseJoinToken } from "#api/join.js";
import { StatusError } from "#api/status-error.js";
import { RestClient } from "#client/rest.js";
import { AGENT_DATA } from "./paths.js";

const TIMEOUT_MS = 10_000;
const userAgent = "berth-install";

/**
 * The cluster's settings, for its token or, on a node, as its member.
 * @throws Error that says what to do when the server cannot be reached or does not take the token
 */
export async function clusterSettings(server: string, token: string | undefined): Promise<NodeClusterConfig> {
  const identity = loadIdentity(AGENT_DATA);
  // As at the agent's start: a node keeps who it is, and it may work on while its server is away.
  if (identity) return identity.cluster;
  if (!token)
    throw new Error("the token is missing: `berth token create` on the server prints one, for --token-file or --token");
  const { caHash, id, secret } = parseJoinToken(token);
  try {
    const ca = await fetchAuthority(server, caHash);
    const client = new RestClient({ server, ca, token: `${id}.${secret}`, userAgent, timeout: TIMEOUT_MS });
    return await client.request<NodeClusterConfig>("GET", "/berth/v1/cluster");
  } catch (error) {
    throw explained(server, error as Error);
  }
}

function explained(server: string, error: Error): Error {
  if (error instanceof StatusError) return refusal(error.code, error.message);
  const known = error instanceof JoinError || error.name === "ServerUnavailable";
  const reason: Error = known ? error : connectionError(server, (error.cause ?? error) as Error);
  if (reason instanceof JoinError) return reason;
  const { port } = new URL(server);
  return new Error(
    `${server} cannot be reached (${reason.message}): does it run, and is ${port || 443}/tcp open there?`,
  );
}
