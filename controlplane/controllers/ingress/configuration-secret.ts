/** The Secret the proxies mount: nginx.conf, the certificates it names, and the default certificate. */
import { createHash } from "node:crypto";
import type { Secret } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { secrets } from "#api/refs.js";
import { isAlreadyExists, isNotFound } from "#api/status-error.js";
import type { ControllerContext } from "../controller.js";
import { CertificateError, readCertificate } from "./certificate.js";
import type { Model } from "./model.js";
import { CONFIGURATION, DEFAULT_CERTIFICATE, nginxConf, type ProxyPorts } from "./nginx-conf.js";
import { CONFIGURATION_SECRET, PROXY_LABELS, PROXY_NAMESPACE } from "./proxy-pod.js";

/** Made when there is none; an administrator may put another one in its place. */
export const DEFAULT_CERTIFICATE_SECRET = "ingress-default-certificate";
/** Writes are at least this far apart, in ms: what comes in a burst is one reload. */
const PAUSE = 250;
/** A Secret holds 1 MiB; the default certificate needs a little of it. */
const MAX_BYTES = 1_000_000;

export class ConfigurationSecret {
  #writtenAt = Number.NEGATIVE_INFINITY;
  #written: { version: string; resourceVersion: number } | undefined;
  /** The default certificate of this process' making, if there was need of one. */
  #made: Draft<Secret> | undefined;

  constructor(private readonly ports: ProxyPorts) {}

  /** Whether a Secret can hold the model. */
  fits(model: Model): boolean {
    let bytes = Buffer.byteLength(nginxConf(model, this.ports));
    for (const pem of model.certificates.values()) bytes += pem.length;
    return bytes <= MAX_BYTES;
  }

  /** @returns which version the Secret holds now; or, when it is too early to write, how many ms are left */
  async write(model: Model, context: ControllerContext): Promise<{ version: string; left: number }> {
    const files = new Map(model.certificates);
    files.set(CONFIGURATION, nginxConf(model, this.ports));
    files.set(DEFAULT_CERTIFICATE, await this.#defaultCertificate(context));
    const version = versionOf(files);
    const key = `${PROXY_NAMESPACE}/${CONFIGURATION_SECRET}`;
    const informer = context.informer(secrets);
    const caughtUp = Number(informer.resourceVersion) >= (this.#written?.resourceVersion ?? 0);
    const found = informer.get(key);
    if (!caughtUp && this.#written?.version === version) return { version, left: 0 };
    if (caughtUp && found && versionOf(decoded(found)) === version) return { version, left: 0 };
    const left = this.#writtenAt + PAUSE - context.monotonic();
    if (left > 0) return { version, left };
    const secret = await put(draft(files), context);
    this.#writtenAt = context.monotonic();
    this.#written = { version, resourceVersion: Number(secret.metadata.resourceVersion) };
    return { version, left: 0 };
  }

  /** Takes both Secrets away, the default certificate only if it is Berth's own. */
  async remove({ client, informer }: ControllerContext): Promise<void> {
    this.#written = undefined;
    for (const name of [CONFIGURATION_SECRET, DEFAULT_CERTIFICATE_SECRET]) {
      const found = informer(secrets).get(`${PROXY_NAMESPACE}/${name}`);
      if (!found || !isOurs(found)) continue;
      try {
        await client.delete(secrets, name, PROXY_NAMESPACE, { preconditions: { uid: found.metadata.uid } });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  async #defaultCertificate(context: ControllerContext): Promise<string> {
    const found = await find(DEFAULT_CERTIFICATE_SECRET, context);
    if (found) {
      try {
        return readCertificate(found).pem;
      } catch (error) {
        if (!(error instanceof CertificateError)) throw error;
        const text = `secret "${DEFAULT_CERTIFICATE_SECRET}" ${error.message}: one of our own making is shown instead`;
        context.event(found, "Warning", "BadCertificate", text);
      }
    }
    // What somebody else put there is theirs, however bad it is.
    const made = this.#made ?? (await make(context));
    this.#made = made;
    if (found) return readCertificate(made as Secret).pem;
    return readCertificate(await put(made, context)).pem;
  }
}

async function make({ now }: ControllerContext): Promise<Draft<Secret>> {
  const { makeDefaultCertificate } = await import("./default-certificate.js");
  const { certificate, key } = await makeDefaultCertificate(now());
  const data = { "tls.crt": base64(certificate), "tls.key": base64(key) };
  return { ...metadata(DEFAULT_CERTIFICATE_SECRET), type: "kubernetes.io/tls", data };
}

/** What was made a moment ago the informer may not have seen. */
async function find(name: string, { client, informer }: ControllerContext): Promise<Secret | undefined> {
  const known = informer(secrets).get(`${PROXY_NAMESPACE}/${name}`);
  if (known) return known;
  return client.get(secrets, name, PROXY_NAMESPACE).catch((error) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

async function put(object: Draft<Secret>, { client }: ControllerContext): Promise<Secret> {
  try {
    return await client.create(secrets, object);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return client.update(secrets, object as Secret);
  }
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const isOurs = ({ metadata: { labels = {} } }: Secret) =>
  Object.entries(PROXY_LABELS).every(([key, value]) => labels[key] === value);

const metadata = (name: string): Draft<Secret> => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: PROXY_NAMESPACE, labels: PROXY_LABELS },
});

function draft(files: ReadonlyMap<string, string>): Draft<Secret> {
  const data = Object.fromEntries([...files].map(([name, text]) => [name, base64(text)]));
  return { ...metadata(CONFIGURATION_SECRET), type: "Opaque", data };
}

function decoded({ data = {} }: Secret): Map<string, string> {
  return new Map(Object.entries(data).map(([name, text]) => [name, Buffer.from(text, "base64").toString()]));
}

function versionOf(files: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const [name, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${name}\0${text}\0`);
  return hash.digest("hex").slice(0, 16);
}
