/** What a joined node owns, kept in `<folder>`: its certificates with their keys (0600), the cluster's CA and settings. */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { NodeClusterConfig } from "#api/join.js";
import { readIfPresent, writeDurably } from "../host/durable-file.js";

/** Both in PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface NodeIdentity {
  readonly nodeName: string;
  /** What the serving certificate vouches for, besides the name. */
  readonly addresses: readonly string[];
  /** PEM. */
  readonly ca: string;
  readonly client: KeyPair;
  readonly serving: KeyPair;
  readonly cluster: NodeClusterConfig;
}

type Settings = Pick<NodeIdentity, "nodeName" | "addresses" | "cluster">;

const files = (folder: string) => ({
  ca: join(folder, "pki/ca.crt"),
  // Certificate and key in one file, so that they can only change together.
  client: join(folder, "pki/client.pem"),
  serving: join(folder, "pki/serving.pem"),
  settings: join(folder, "node.json"),
});

/** The settings go last: with them, the identity is whole. */
export function saveIdentity(folder: string, identity: NodeIdentity): void {
  const { ca, client, serving, settings } = files(folder);
  writeDurably(ca, identity.ca);
  writeDurably(client, identity.client.certificate + identity.client.key);
  writeDurably(serving, identity.serving.certificate + identity.serving.key);
  const { nodeName, addresses, cluster } = identity;
  writeDurably(settings, `${JSON.stringify({ nodeName, addresses, cluster } satisfies Settings, null, 2)}\n`);
}

export function loadIdentity(folder: string): NodeIdentity | undefined {
  const paths = files(folder);
  const [ca, client, serving, settings] = [paths.ca, paths.client, paths.serving, paths.settings].map(readIfPresent);
  if (!ca || !client || !serving || !settings) return undefined;
  return { ...(JSON.parse(settings) as Settings), ca, client: splitPair(client), serving: splitPair(serving) };
}

function splitPair(text: string): KeyPair {
  const at = text.indexOf("-----BEGIN PRIVATE KEY-----");
  return { certificate: text.slice(0, at), key: text.slice(at) };
}

/** When the first of the two certificates ends and how long it was made for, both in ms. */
export function validity({ client, serving }: NodeIdentity): { ends: number; lifetime: number } {
  const both = [client, serving].map(({ certificate }) => {
    const { validFrom, validTo } = new X509Certificate(certificate);
    return { ends: Date.parse(validTo), lifetime: Date.parse(validTo) - Date.parse(validFrom) };
  });
  return both.reduce((first, next) => (next.ends < first.ends ? next : first));
}
