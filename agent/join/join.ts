import { createHash, X509Certificate } from "node:crypto";
import type { Logger } from "pino";
import { parseJoinToken } from "#api/join.js";
import type { Clock } from "#client/clock.js";
import { fetchAuthority } from "./authority.js";
import { JoinError, ServerUnavailable } from "./join-error.js";
import { type NodeClaim, requestIdentity } from "./join-request.js";
import { loadIdentity, type NodeIdentity, saveIdentity, validity } from "./node-identity.js";

export interface JoinOptions extends NodeClaim {
  server: string;
  /** Needed until the node has joined; ignored afterwards. */
  token?: string;
  /** Where the identity is kept. */
  folder: string;
  clock: Clock;
  logger: Logger;
}

/**
 * The node's identity: the one on disk as long as it holds, else a new one in exchange for the token. Waits for a server
 * that does not answer, saying so.
 * @throws JoinError when waiting does not help
 */
export async function joinCluster(options: JoinOptions): Promise<NodeIdentity> {
  const known = loadIdentity(options.folder);
  const usable = known && stillUsable(known, options);
  if (usable && sameClaim(known, options)) return known;
  return withPatience(options, async () => {
    const identity = await (usable ? rename(known, options) : enter(options));
    saveIdentity(options.folder, identity);
    options.logger.info({ server: options.server }, "joined the cluster");
    return identity;
  });
}

/** False: the certificates have ended and a token may replace them. @throws JoinError when they are of another node or cluster */
function stillUsable(known: NodeIdentity, { nodeName, token, folder, clock }: JoinOptions): boolean {
  if (known.nodeName !== nodeName) {
    throw new JoinError(
      `this host has joined as node "${known.nodeName}" (${folder}): start it with that --node-name, or run \`berth reset\` ` +
        `before it joins as "${nodeName}"`,
    );
  }
  if (token && parseToken(token).caHash !== sha256(known.ca)) {
    throw new JoinError(
      `the token is for another cluster than the one this node has joined (${folder}): run \`berth reset\` to leave that one`,
    );
  }
  return validity(known).ends > clock.now();
}

const sha256 = (pem: string) => createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");

const sameClaim = (known: NodeIdentity, { addresses }: JoinOptions) =>
  addresses.every((address) => known.addresses.includes(address));

/** The address has changed: the serving certificate must say so. */
function rename(known: NodeIdentity, options: JoinOptions): Promise<NodeIdentity> {
  return requestIdentity({ server: options.server, ca: known.ca, credential: { client: known.client } }, options);
}

async function enter(options: JoinOptions): Promise<NodeIdentity> {
  if (!options.token) {
    throw new JoinError(
      "this host has not joined a cluster, or its certificate has ended: make a token on the server with " +
        "`berth token create` and pass it with --token-file",
    );
  }
  const { caHash, id, secret } = parseToken(options.token);
  const ca = await fetchAuthority(options.server, caHash);
  return requestIdentity({ server: options.server, ca, credential: { token: `${id}.${secret}` } }, options);
}

function parseToken(text: string) {
  try {
    return parseJoinToken(text);
  } catch (error) {
    throw new JoinError((error as Error).message);
  }
}

const RETRY_MS = 1_000;
/** Every so many failures in a row are told of. */
const TELL_EVERY = 10;

async function withPatience<T>({ server, clock, logger }: JoinOptions, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ServerUnavailable)) throw error;
      if (failures % TELL_EVERY === 0) {
        logger.warn({ server, failures: failures + 1 }, `cannot reach the server yet, trying again: ${error.message}`);
      }
    }
    await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
  }
}
