/**
 * The cluster's own certificates in one folder. Opening it makes what is missing, replaces what is broken or ends within
 * thirty days, and keeps the rest, so a restart changes nothing. A key is always written before its certificate: a kill
 * between the two leaves a pair that does not fit, which the next start replaces.
 */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { certificateHash, DAY_MS, isUsable, type KeyPair, type Subject } from "./certificate.js";
import { makeSecretFolder, readSecretFile, writeSecretFile } from "./secret-file.js";

export interface ClusterPki {
  /** The authority that signs every certificate in the cluster. */
  readonly authority: KeyPair;
  /** SHA-256 of the authority's certificate in DER, hex. */
  readonly authorityHash: string;
  /** What the API server shows its clients. */
  readonly serving: KeyPair;
  /** What the API server shows kubelets. */
  readonly kubeletClient: KeyPair;
  /** Full rights, for the admin kubeconfig. */
  readonly admin: KeyPair;
  /** Signs service account tokens (ES256); PKCS #8 PEM. */
  readonly serviceAccountKey: string;
}

export const ADMIN: Subject = { commonName: "berth-admin", organizations: ["system:masters"] };
export const KUBELET_CLIENT: Subject = { commonName: "system:kube-apiserver", organizations: ["berth:apiserver"] };

const RENEW_BEFORE_MS = 30 * DAY_MS;
// Issuing is loaded on demand: an ordinary restart needs none of it.
const issuing = () => import("./issue.js");

/** @param names host names and addresses the API server is reached by */
export async function openPki(folder: string, names: readonly string[], now: number): Promise<ClusterPki> {
  makeSecretFolder(folder);
  const authority = await openAuthority(folder, now);
  const leaf = (name: string, subject: Subject, usage: "client" | "server", sans: readonly string[] = []) =>
    openLeaf(join(folder, name), authority, { subject, usage, names: sans }, now);
  return {
    authority,
    authorityHash: certificateHash(authority.certificate),
    serving: await leaf("apiserver", { commonName: "kube-apiserver" }, "server", names),
    kubeletClient: await leaf("kubelet-client", KUBELET_CLIENT, "client"),
    admin: await leaf("admin", ADMIN, "client"),
    serviceAccountKey: await openKey(join(folder, "service-account.key")),
  };
}

async function openKey(path: string): Promise<string> {
  const known = readSecretFile(path);
  if (known) return known;
  const key = await (await issuing()).newPrivateKey();
  writeSecretFile(path, key);
  return key;
}

async function openAuthority(folder: string, now: number): Promise<KeyPair> {
  const [keyPath, path] = [join(folder, "ca.key"), join(folder, "ca.crt")];
  const known = readSecretFile(path);
  if (known && !readSecretFile(keyPath)) {
    throw new Error(
      `${path} is there but ${keyPath} is not: restore the key from a backup, or remove ${folder} to start with a new ` +
        "authority (every node has to join again)",
    );
  }
  const key = await openKey(keyPath);
  if (known) return { certificate: known, key };
  const certificate = await (await issuing()).issueAuthority(`berth-ca-${Math.floor(now / 1000)}`, key, now);
  writeSecretFile(path, certificate);
  return { certificate, key };
}

interface Leaf {
  readonly subject: Subject;
  readonly usage: "client" | "server";
  readonly names: readonly string[];
}

async function openLeaf(path: string, authority: KeyPair, leaf: Leaf, now: number): Promise<KeyPair> {
  const [certificate, key] = [readSecretFile(`${path}.crt`), readSecretFile(`${path}.key`)];
  if (certificate && key) {
    const pair = { certificate, key };
    if (isUsable(pair, new X509Certificate(authority.certificate), leaf.names, now, RENEW_BEFORE_MS)) return pair;
  }
  const pair = await (await issuing()).issueKeyPair(authority, leaf, now);
  writeSecretFile(`${path}.key`, pair.key);
  writeSecretFile(`${path}.crt`, pair.certificate);
  return pair;
}
