import { createHash, X509Certificate } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import { connectionError, JoinError, ServerUnavailable, wrongServer } from "./join-error.js";

const TIMEOUT_MS = 10_000;

/**
 * The cluster's CA certificate (PEM), out of the chain the API server shows, once its hash equals the one in the join token.
 * Nothing is sent before that: a stranger at this address learns nothing.
 * @param hash SHA-256 of the certificate's DER form, in hex
 * @throws JoinError when the server is another one; ServerUnavailable when it is worth trying again
 */
export async function fetchAuthority(server: string, hash: string): Promise<string> {
  const chain = await presentedChain(new URL(server)).catch((error) => {
    throw error instanceof JoinError || error instanceof ServerUnavailable ? error : connectionError(server, error);
  });
  const authority = chain.find((raw) => createHash("sha256").update(raw).digest("hex") === hash);
  if (!authority) throw wrongServer(server);
  return new X509Certificate(authority).toString();
}

/** DER of every certificate the server presents, its own first. */
function presentedChain({ hostname, port }: URL): Promise<Buffer[]> {
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    // Unverified by intent: the hash decides. TLS 1.2 and 1.3 both send the chain.
    const socket = connect({ host, port: Number(port || 443), rejectUnauthorized: false, timeout: TIMEOUT_MS });
    socket.once("error", reject);
    socket.once("timeout", () => socket.destroy(new ServerUnavailable(`no answer within ${TIMEOUT_MS / 1000} s`)));
    socket.once("secureConnect", () => {
      resolve(chainOf(socket));
      socket.destroy();
    });
  });
}

function chainOf(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let certificate = socket.getPeerCertificate(true);
  // The last certificate names itself as its issuer.
  while (certificate?.raw && !chain.some((known) => known.equals(certificate.raw))) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
