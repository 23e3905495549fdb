/** Credentials for registries, from the Secrets that a Pod names in imagePullSecrets. */
import type { Secret } from "#api/generated/types.js";
import type { RegistryAuth } from "../runtime/runtime.js";
import type { ImageReference } from "./image-reference.js";

interface DockerAuth {
  username?: string;
  password?: string;
  /** base64 of "username:password". */
  auth?: string;
}

/**
 * The credentials of these Secrets that fit the image, the most specific first. Secrets of other types or with broken
 * content give none: the pull then fails at the registry, which says why.
 */
export function credentialsFor(reference: ImageReference, secrets: readonly Secret[]): RegistryAuth[] {
  const found: { auth: RegistryAuth; key: string }[] = [];
  for (const secret of secrets) {
    for (const [key, entry] of Object.entries(authsOf(secret))) {
      const auth = registryAuth(key, entry);
      if (auth && matches(key, reference)) found.push({ auth, key });
    }
  }
  return found.sort((a, b) => b.key.length - a.key.length).map(({ auth }) => auth);
}

function authsOf(secret: Secret): Record<string, DockerAuth> {
  const config = secret.data?.[".dockerconfigjson"];
  const legacy = secret.data?.[".dockercfg"];
  if (config) return (decode(config) as { auths?: Record<string, DockerAuth> }).auths ?? {};
  if (legacy) return decode(legacy) as Record<string, DockerAuth>;
  return {};
}

function decode(base64: string): object {
  try {
    return JSON.parse(Buffer.from(base64, "base64").toString()) ?? {};
  } catch {
    return {};
  }
}

function registryAuth(key: string, entry: DockerAuth): RegistryAuth | undefined {
  const [user = "", ...password] = Buffer.from(entry.auth ?? "", "base64")
    .toString()
    .split(":");
  const username = entry.username ?? user;
  if (!username) return undefined;
  return { username, password: entry.password ?? password.join(":"), serverAddress: key };
}

/** A key is a host with an optional port and path prefix; `*` stands for one label of the host. */
function matches(key: string, { domain, path }: ImageReference): boolean {
  const [host = "", ...prefix] = key.replace(/^https?:\/\//, "").split("/");
  if (isDockerHub(host)) return isDockerHub(domain);
  const labels = host.split(".");
  const wanted = domain.split(".");
  if (labels.length !== wanted.length) return false;
  if (!labels.every((label, i) => label === "*" || label === wanted[i])) return false;
  const folder = prefix.filter((part) => part !== "").join("/");
  return folder === "" || /^v[12]$/.test(folder) || path === folder || path.startsWith(`${folder}/`);
}

function isDockerHub(host: string): boolean {
  return host === "docker.io" || host === "index.docker.io" || host === "registry-1.docker.io";
}
