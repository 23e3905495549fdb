/** First link of the request chain: who is asking? Certificate, bearer token, or nobody. */
import type { IncomingHttpHeaders } from "node:http";
import type { TLSSocket } from "node:tls";
import { unauthorized } from "#api/status-error.js";
import type { UserInfo } from "#resources/kind.js";
import type { ClusterReader } from "../cluster-reader.js";
import { bootstrapUser } from "./bootstrap-token.js";
import { certificateUser } from "./certificate-user.js";
import { ANONYMOUS } from "./groups.js";
import type { ServiceAccountTokens } from "./service-account-token.js";

export interface Credentials {
  readonly reader: ClusterReader;
  readonly tokens: ServiceAccountTokens;
  /** Milliseconds since the epoch. */
  now(): number;
}

/**
 * A certificate goes before a token. Answers at once for certificates, the common case; tokens may need a moment.
 * @throws StatusError 401 when a credential was shown and does not hold: a bad one never becomes anonymous
 */
export function identify(
  credentials: Credentials,
  socket: TLSSocket,
  headers: IncomingHttpHeaders,
): UserInfo | Promise<UserInfo> {
  const user = certificateUser(socket, credentials.now());
  if (user) return user;
  const header = headers.authorization;
  if (header === undefined) return ANONYMOUS;
  const [scheme, token] = header.split(" ");
  if (scheme?.toLowerCase() !== "bearer" || !token) throw unauthorized();
  return tokenUser(credentials, token);
}

/** @param audience for whom the token must have been made; absent: for this server */
export async function tokenUser(credentials: Credentials, token: string, audience?: string): Promise<UserInfo> {
  const { reader, tokens } = credentials;
  const now = credentials.now();
  const bootstrap = audience === undefined ? bootstrapUser(token, reader, now) : undefined;
  const user = bootstrap ?? (await tokens.user(token, reader, now, audience));
  if (!user) throw unauthorized();
  return user;
}
