/** What is shown for hosts without a certificate of their own. Loaded only when one is made: the library costs 20 MB. */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const HOUR_MS = 3_600_000;
const VALID_MS = 10 * 365 * 24 * HOUR_MS;

/** Self-signed, in PEM. @param now milliseconds since the epoch @param host by default a name nobody has */
export async function makeDefaultCertificate(
  now: number,
  host = "ingress.invalid",
): Promise<{ certificate: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: ["Berth"] }, { CN: ["Berth default ingress certificate"] }],
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(now - HOUR_MS),
    notAfter: new Date(now + VALID_MS),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }]),
    ],
  });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { certificate: `${certificate.toString("pem")}\n`, key: `${key}\n` };
}
