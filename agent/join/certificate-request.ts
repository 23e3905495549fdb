/** Keys and certificate requests. */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export interface CertificateRequest {
  /** PKCS #8 PEM; never leaves this host. */
  key: string;
  /** PKCS #10 PEM. */
  csr: string;
}

export interface CertificateWish {
  readonly subject: { readonly commonName: string; readonly organization: string };
  /** Host names and addresses. */
  readonly names?: readonly string[];
}

/** A new key, and the request to certify it for this name. */
export async function requestCertificate({ subject, names = [] }: CertificateWish): Promise<CertificateRequest> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const sans = names.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value }));
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: [subject.organization] }, { CN: [subject.commonName] }],
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: sans.length > 0 ? [new x509.SubjectAlternativeNameExtension(sans)] : [],
  });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { key: `${key}\n`, csr: `${csr.toString("pem")}\n` };
}
