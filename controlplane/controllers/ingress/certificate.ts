/** Certificates out of Secrets, checked as strictly as the proxy checks them: one it refuses would keep all others out. */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Secret } from "#api/generated/types.js";

export class CertificateError extends Error {
  override name = "CertificateError";
}

export interface ProxyCertificate {
  /** Named after its content. */
  readonly file: string;
  /** The certificate, those it was issued by, and the key: written anew, so that nothing else of the Secret gets through. */
  readonly pem: string;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const MAX_CHAIN = 10;
const MIN_RSA_BITS = 2048;
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];
/** Signatures no TLS library takes any more: MD5 and SHA-1 with RSA, SHA-1 with ECDSA; as they stand in a certificate. */
const WEAK_SIGNATURES = ["06092a864886f70d010104", "06092a864886f70d010105", "06072a8648ce3d0401"].map((hex) =>
  Buffer.from(hex, "hex"),
);

/** @throws CertificateError, which never quotes the content */
export function readCertificate({ data = {} }: Secret): ProxyCertificate {
  const text = (key: string) => {
    const base64 = data[key];
    if (!base64) throw new CertificateError(`has no ${key}`);
    return Buffer.from(base64, "base64").toString("latin1");
  };
  const chain = readChain(text("tls.crt"));
  const key = readKey(text("tls.key"));
  if (!chain[0]?.checkPrivateKey(key))
    throw new CertificateError("tls.key is not the key of the certificate in tls.crt");
  const pem = `${chain.join("")}${String(key.export({ type: "pkcs8", format: "pem" }))}`;
  return { file: `tls-${createHash("sha256").update(pem).digest("hex").slice(0, 32)}.pem`, pem };
}

function readChain(text: string): X509Certificate[] {
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0) throw new CertificateError("tls.crt holds no certificate in PEM");
  if (blocks.length > MAX_CHAIN) throw new CertificateError(`tls.crt holds more than ${MAX_CHAIN} certificates`);
  const chain = blocks.map(parse);
  for (const certificate of chain) {
    checkKey(certificate.publicKey, "the certificate's key");
    if (WEAK_SIGNATURES.some((oid) => certificate.raw.includes(oid)))
      throw new CertificateError("tls.crt is signed with MD5 or SHA-1");
  }
  return chain;
}

function parse(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new CertificateError("tls.crt cannot be read as certificates");
  }
}

function readKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new CertificateError("tls.key cannot be read as a private key");
  }
  checkKey(key, "tls.key");
  return key;
}

function checkKey({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject, what: string): void {
  const { modulusLength = 0, namedCurve = "" } = asymmetricKeyDetails;
  if (asymmetricKeyType === "rsa" && modulusLength >= MIN_RSA_BITS) return;
  if (asymmetricKeyType === "ec" && CURVES.includes(namedCurve)) return;
  if (asymmetricKeyType === "ed25519") return;
  throw new CertificateError(
    `${what} is too weak or of a kind that is not supported: ${asymmetricKeyType ?? "unknown"}`,
  );
}
