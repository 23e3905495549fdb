/**
 * Which credentials fit an image. A pattern is a host with an optional port and path. Each label of the host may hold the
 * wildcards `*`, `?` and `[a-z]`, none of which stands for a dot; ports are the same; the path is a prefix of the image's.
 * https://kubernetes.io/docs/concepts/containers/images/#config-json
 */
import { minimatch } from "minimatch";
import type { Secret } from "#api/generated/types.js";
import type { RegistryAuth } from "../runtime/runtime.js";
import { BrokenDockerConfig, parseDockerConfig, type RegistryEntry } from "./docker-config.js";
import type { ImageReference } from "./image-reference.js";

/** The credentials that fit the image, the most specific pattern first, each once. */
export function credentialsFor(reference: ImageReference, entries: readonly RegistryEntry[]): RegistryAuth[] {
  const found = new Map<string, RegistryAuth>();
  const fitting = entries.filter(({ pattern }) => matches(pattern, reference));
  for (const { auth } of fitting.sort((a, b) => specificity(b.pattern) - specificity(a.pattern))) {
    const key = JSON.stringify([auth.username, auth.password]);
    if (!found.has(key)) found.set(key, auth);
  }
  return [...found.values()];
}

/**
 * What an image pull secret holds.
 * @throws BrokenDockerConfig naming the Secret, when it is of another type or its content cannot be read
 */
export function entriesOfSecret({ metadata, type, data }: Secret): RegistryEntry[] {
  const [form, key] =
    type === "kubernetes.io/dockercfg"
      ? ([".dockercfg", ".dockercfg"] as const)
      : (["config.json", ".dockerconfigjson"] as const);
  const known = type === "kubernetes.io/dockercfg" || type === "kubernetes.io/dockerconfigjson";
  if (!known)
    throw new BrokenDockerConfig(`${metadata.name}: type ${type ?? "Opaque"} is none of an image pull secret`);
  try {
    return parseDockerConfig(Buffer.from(data?.[key] ?? "", "base64").toString(), form);
  } catch (error) {
    if (!(error instanceof BrokenDockerConfig)) throw error;
    throw new BrokenDockerConfig(`${metadata.name}: ${key}: ${error.message}`);
  }
}

const EXACT_GLOB = {
  nobrace: true,
  noext: true,
  noglobstar: true,
  nonegate: true,
  nocomment: true,
  dot: true,
} as const;

function matches(pattern: string, { domain, path }: ImageReference): boolean {
  const { host, folder } = split(pattern);
  if (isDockerHub(host)) return isDockerHub(domain) && path.startsWith(folder);
  const [wanted, given] = [hostAndPort(host), hostAndPort(domain)];
  if (wanted.port !== given.port || wanted.labels.length !== given.labels.length) return false;
  if (!wanted.labels.every((label, i) => minimatch(given.labels[i] ?? "", label, EXACT_GLOB))) return false;
  return path.startsWith(folder);
}

/** Clients write "https://host/v1/": the version of the registry's interface is no part of an image's name. */
function split(pattern: string): { host: string; folder: string } {
  const bare = pattern.replace(/^https?:\/\//, "");
  const slash = bare.indexOf("/");
  const host = slash < 0 ? bare : bare.slice(0, slash);
  const folder = slash < 0 ? "" : bare.slice(slash + 1).replace(/\/$/, "");
  return { host, folder: /^v[12]$/.test(folder) ? "" : folder };
}

function specificity(pattern: string): number {
  const { host, folder } = split(pattern);
  return host.length + folder.length;
}

function hostAndPort(host: string): { labels: string[]; port: string } {
  const colon = host.lastIndexOf(":");
  const [name, port] = colon < 0 ? [host, ""] : [host.slice(0, colon), host.slice(colon + 1)];
  return { labels: name.split("."), port };
}

function isDockerHub(host: string): boolean {
  return host === "docker.io" || host === "index.docker.io" || host === "registry-1.docker.io";
}
