/**
 * The proxy as it runs in a Pod: nginx out of the image that scripts/images/make-image makes, the very script, and a
 * configuration volume written as the agent writes it; only the container is a chroot.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { writeAtomically } from "#agent/volumes/atomic-writer.js";
import type { EndpointSlice, Ingress, Secret, Service } from "#api/generated/types.js";
import { resolveBackend } from "#controlplane/controllers/ingress/backends.js";
import { readCertificate } from "#controlplane/controllers/ingress/certificate.js";
import { makeDefaultCertificate } from "#controlplane/controllers/ingress/default-certificate.js";
import type { Problem } from "#controlplane/controllers/ingress/model.js";
import { CONFIGURATION, DEFAULT_CERTIFICATE, nginxConf } from "#controlplane/controllers/ingress/nginx-conf.js";
import { IN_USE, MOUNTED, PROXY_SCRIPT } from "#controlplane/controllers/ingress/proxy-script.js";
import { mergeIngresses } from "#controlplane/controllers/ingress/routes.js";
import { imageFile } from "#scripts/lab/images.js";
import { run } from "#scripts/run.js";
import { temporaryDirectory } from "#test/temporary-directory.js";
import { eventually } from "./own-netns.js";

/** As the script counts them. */
const WORKERS = Math.min(availableParallelism(), 4);

export interface ClusterState {
  ingresses: Ingress[];
  services?: Service[];
  slices?: EndpointSlice[];
  secrets?: Secret[];
}

/** What the controller would write for the cluster. */
export function configurationOf(state: ClusterState, defaultCertificate: string) {
  const { services = [], slices = [], secrets = [] } = state;
  const find = <T extends { metadata: { name: string; namespace?: string } }>(
    list: T[],
    namespace: string,
    name: string,
  ) => list.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  const { model, problems } = mergeIngresses(state.ingresses, {
    backend: (namespace, backend) =>
      resolveBackend(namespace, backend, {
        service: (name) => find(services, namespace, name),
        slices: (name) => slices.filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name),
      }),
    certificate(namespace, name) {
      const secret = find(secrets, namespace, name);
      return secret && readCertificate(secret);
    },
  });
  const files = new Map(model.certificates);
  files.set(CONFIGURATION, nginxConf(model, { http: 80, https: 443 }));
  files.set(DEFAULT_CERTIFICATE, defaultCertificate);
  return { files, problems };
}

export class NginxProxy {
  static async start(t: Test): Promise<NginxProxy> {
    const root = temporaryDirectory("berth-proxy-");
    const layer = await imageFile("nginx");
    await run("sh", ["-c", 'tar -xOf "$1" layer.tar | tar -C "$2" -xf -', "sh", layer, root]);
    for (const folder of [MOUNTED, IN_USE]) mkdirSync(join(root, folder), { recursive: true });
    const { certificate, key } = await makeDefaultCertificate(Date.now());
    const proxy = new NginxProxy(root, `${certificate}${key}`);
    proxy.#begin(t);
    return proxy;
  }

  #reloads = 0;

  private constructor(
    readonly root: string,
    readonly defaultCertificate: string,
  ) {}

  #begin(t: Test): void {
    // Into a file: nginx opens /dev/stdout by name, which a socket does not allow.
    const log = openSync(join(this.root, "log"), "a");
    const enter = 'mount --rbind /dev "$1/dev" && mount --rbind /proc "$1/proc" && exec chroot "$1" /bin/sh -c "$2"';
    const args = ["--mount", "sh", "-c", enter, "sh", this.root, PROXY_SCRIPT];
    const child = spawn("unshare", args, { stdio: ["ignore", log, log] });
    closeSync(log);
    t.teardown(async () => {
      if (child.exitCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    });
  }

  log(): string {
    return readFileSync(join(this.root, "log"), "utf8");
  }

  /** Puts the cluster's configuration in the volume and waits until it is in use. */
  async serve(state: ClusterState): Promise<readonly Problem[]> {
    const { files, problems } = configurationOf(state, this.defaultCertificate);
    const version = await this.write(files);
    if (!version) return problems;
    await this.said(`${version} is in use`, `started with version ${version}`);
    // nginx was only told so: it is done when the workers of before take no connections any more.
    const started = () => this.#count("start worker process ");
    if (this.#reloads++ === 0) await eventually(() => started() === WORKERS);
    else await eventually(() => this.#count("gracefully shutting down") >= WORKERS * (this.#reloads - 1));
    return problems;
  }

  #count(text: string): number {
    return this.log().split(text).length - 1;
  }

  /** @returns the version, when anything had to change */
  async write(files: ReadonlyMap<string, string>): Promise<string | undefined> {
    const mounted = join(this.root, MOUNTED);
    const asFiles = new Map([...files].map(([name, text]) => [name, { data: Buffer.from(text), mode: 0o400 }]));
    return (await writeAtomically(mounted, asFiles)) ? await readlink(join(mounted, "..data")) : undefined;
  }

  async said(...texts: string[]): Promise<void> {
    try {
      await eventually(() => texts.some((text) => this.log().includes(text)));
    } catch {
      throw new Error(`the proxy never said ${texts.join(" or ")}:\n${this.log().slice(-3000)}`);
    }
  }
}
