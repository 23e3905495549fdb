/**
 * Makes keys and certificates: ECDSA P-256, valid from an hour ago (clocks are skewed), an authority for ten years and
 * everything else for one. Loaded only when something has to be issued, since the library costs 20 MB.
 */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { DAY_MS, HOUR_MS, type KeyPair, type Subject } from "./certificate.js";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const YEAR_MS = 365 * DAY_MS;
type CryptoKey = webcrypto.CryptoKey;

export interface LeafRequest {
  readonly subject: Subject;
  readonly usage: "client" | "server";
  /** Host names and addresses the certificate vouches for. */
  readonly names?: readonly string[];
}

export async function newPrivateKey(): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  return exportKey(keys.privateKey);
}

/** A self-signed certificate for the key that may sign others. */
export async function issueAuthority(commonName: string, keyPem: string, now: number): Promise<string> {
  const keys = await importKeys(keyPem);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(now - HOUR_MS),
    notAfter: new Date(now + 10 * YEAR_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

/** A new key with its certificate. */
export async function issueKeyPair(authority: KeyPair, request: LeafRequest, now: number): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await issueLeaf(authority, request, keys.publicKey, now);
  return { certificate, key: await exportKey(keys.privateKey) };
}

/**
 * Signs the public key of a certificate request. Subject and names come from `request`: what the CSR says about itself
 * is not trusted.
 * @throws Error when the CSR cannot be read, or its signature does not prove possession of the key
 */
export async function signCsr(authority: KeyPair, request: LeafRequest, csrPem: string, now: number): Promise<string> {
  const csr = new x509.Pkcs10CertificateRequest(csrPem);
  if (!(await csr.verify())) throw new Error("the signature of the certificate request does not match its key");
  return issueLeaf(authority, request, await csr.publicKey.export(), now);
}

async function issueLeaf(authority: KeyPair, request: LeafRequest, publicKey: CryptoKey, now: number): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const { privateKey } = await importKeys(authority.key);
  const server = request.usage === "server";
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([server ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth]),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ];
  if (request.names?.length) {
    const names = request.names.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value }));
    extensions.push(new x509.SubjectAlternativeNameExtension(names));
  }
  const certificate = await x509.X509CertificateGenerator.create({
    subject: subjectName(request.subject),
    issuer: issuer.subjectName,
    publicKey,
    signingKey: privateKey,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(now - HOUR_MS),
    notAfter: new Date(Math.min(now + YEAR_MS, issuer.notAfter.getTime())),
    extensions,
  });
  return `${certificate.toString("pem")}\n`;
}

function subjectName(subject: Subject): x509.JsonName {
  return [
    ...(subject.organizations ?? []).map((organization) => ({ O: [organization] })),
    { CN: [subject.commonName] },
  ];
}

async function importKeys(pem: string): Promise<{ privateKey: CryptoKey; publicKey: CryptoKey }> {
  const der = x509.PemConverter.decodeFirst(pem);
  const privateKey = await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, true, ["sign"]);
  const { kty, crv, x, y } = await webcrypto.subtle.exportKey("jwk", privateKey);
  const publicKey = await webcrypto.subtle.importKey("jwk", { kty, crv, x, y }, ALGORITHM, true, ["verify"]);
  return { privateKey, publicKey };
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}
