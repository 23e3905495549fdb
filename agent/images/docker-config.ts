/**
 * Docker's client configuration, as far as it concerns registries: `config.json` ("auths" in it) and the older `.dockercfg`
 * (the same table without the frame). What is in it is secret: no message of ours quotes any of it.
 */
import type { RegistryAuth } from "../runtime/runtime.js";

/** A credential and the pattern of the images it is for: `registry.example:5000/team`, `https://index.docker.io/v1/`. */
export interface RegistryEntry {
  pattern: string;
  auth: RegistryAuth;
}

export type DockerConfigForm = "config.json" | ".dockercfg";

export class BrokenDockerConfig extends Error {
  override name = "BrokenDockerConfig";
}

interface DockerAuth {
  username?: string;
  password?: string;
  /** base64 of "username:password". */
  auth?: string;
}

/** @throws BrokenDockerConfig when the text is no JSON object, or an entry of it is none */
export function parseDockerConfig(text: string, form: DockerConfigForm): RegistryEntry[] {
  const config = objectIn(text);
  const auths = form === "config.json" ? (config["auths"] ?? {}) : config;
  if (!isObject(auths)) throw new BrokenDockerConfig('"auths" is no object');
  return Object.entries(auths).flatMap(([pattern, entry]) => {
    if (!isObject(entry)) throw new BrokenDockerConfig("a registry's entry is no object");
    const auth = registryAuth(pattern, entry);
    return auth ? [{ pattern, auth }] : [];
  });
}

/** The parts of a configuration that name programs which hold credentials: they are not asked, as in Kubernetes. */
export function namesCredentialHelpers(text: string): boolean {
  const { credsStore, credHelpers } = objectIn(text);
  return Boolean(credsStore) || (isObject(credHelpers) && Object.keys(credHelpers).length > 0);
}

function objectIn(text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new BrokenDockerConfig("it is not valid JSON");
  }
  if (!isObject(parsed)) throw new BrokenDockerConfig("it is no JSON object");
  return parsed;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined for an entry without a credential, as a client leaves it that keeps them elsewhere. */
function registryAuth(pattern: string, entry: DockerAuth): RegistryAuth | undefined {
  const [user = "", ...password] = Buffer.from(String(entry.auth ?? ""), "base64")
    .toString()
    .split(":");
  const username = entry.username || user;
  if (!username) return undefined;
  return { username, password: entry.password || password.join(":"), serverAddress: pattern };
}
