/** Certificates as the server reads them, with Node's own parser. Making new ones is `issue.ts`. */
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";

/** Both parts in PEM; the key in PKCS #8. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  /** CN: the user's name. */
  readonly commonName: string;
  /** O: the user's groups. */
  readonly organizations?: readonly string[];
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** SHA-256 over the DER form, in hex: what a join token pins. */
export function certificateHash(pem: string): string {
  return createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");
}

/** The wanted names (host names or addresses) the certificate does not vouch for. */
export function missingNames(certificate: X509Certificate, names: readonly string[]): string[] {
  return names.filter((name) => {
    const found = isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name, { subject: "never" });
    return found === undefined;
  });
}

/** True when the pair fits together, was signed by `authority`, vouches for all `names` and lives `remaining` ms more. */
export function isUsable(
  pair: KeyPair,
  authority: X509Certificate,
  names: readonly string[],
  now: number,
  remaining: number,
): boolean {
  try {
    const certificate = new X509Certificate(pair.certificate);
    return (
      certificate.checkPrivateKey(createPrivateKey(pair.key)) &&
      certificate.verify(authority.publicKey) &&
      Date.parse(certificate.validTo) > now + remaining &&
      missingNames(certificate, names).length === 0
    );
  } catch {
    // Unreadable counts as unusable: the caller makes a new pair.
    return false;
  }
}
