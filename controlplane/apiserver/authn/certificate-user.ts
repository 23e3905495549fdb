/** A user by client certificate: CN is the name, every O a group. Read once per connection. */
import type { TLSSocket } from "node:tls";
import { unauthorized } from "#api/status-error.js";
import type { UserInfo } from "#resources/kind.js";
import { authenticated } from "./groups.js";

interface Identity {
  /** Absent: the client showed no certificate. */
  readonly user?: UserInfo;
  /** Milliseconds since the epoch. A connection may outlive its certificate. */
  readonly validTo: number;
  readonly refused?: true;
}

/** Kept on the socket itself: a WeakMap of sockets is several times slower, and this is asked for every request. */
const IDENTITY = Symbol("identity");

type KnownSocket = TLSSocket & { [IDENTITY]?: Identity };

/**
 * The connection's user, or undefined when it has no certificate.
 * @throws StatusError 401 when the certificate is not ours, is not for clients, or has ended
 */
export function certificateUser(socket: KnownSocket, now: number): UserInfo | undefined {
  socket[IDENTITY] ??= readIdentity(socket);
  const identity = socket[IDENTITY];
  if (identity.refused || identity.validTo < now) throw unauthorized();
  return identity.user;
}

function readIdentity(socket: TLSSocket): Identity {
  const certificate = socket.getPeerCertificate?.();
  // `authorized` alone proves nothing: it also holds for a resumed session that never had a certificate.
  if (!certificate?.subject) return { validTo: Number.POSITIVE_INFINITY };
  const { CN, O } = certificate.subject as { CN?: string | string[]; O?: string | string[] };
  const name = Array.isArray(CN) ? CN.at(-1) : CN;
  if (!socket.authorized || !name) return { validTo: 0, refused: true };
  const groups = O === undefined ? [] : Array.isArray(O) ? O : [O];
  return { user: authenticated({ name, groups }), validTo: Date.parse(certificate.valid_to) };
}
