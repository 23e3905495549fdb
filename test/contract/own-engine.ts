/** A Docker engine of the test's own, in the test's own network and mount namespaces; and a registry beside it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import Docker from "dockerode";
import type { Test } from "tap";
import { imageFile } from "#scripts/lab/images.js";
import { run } from "#scripts/run.js";
import { temporaryDirectory } from "#test/temporary-directory.js";
import { eventually } from "./own-netns.js";

const REGISTRY_PROGRAM = "/usr/bin/docker-registry";
const missing = ["/usr/sbin/dockerd", REGISTRY_PROGRAM].filter((program) => !existsSync(program));
/** Why tests with an engine cannot run here, or false. */
export const skipWithoutPrograms =
  missing.length > 0 ? `${missing.join(", ")} not installed (./scripts/test does)` : false;

/** The test's own layer over /etc: what is written there, no one else sees. */
export async function ownEtc(): Promise<void> {
  await run("mount", ["-t", "tmpfs", "tmpfs", "/mnt"]);
  for (const folder of ["upper", "work"]) mkdirSync(join("/mnt", folder));
  await run("mount", ["-t", "overlay", "overlay", "-o", "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work", "/etc"]);
}

/** Makes the engine at `address` trust this authority, in the way Docker's users do. */
export function trustAuthority(address: string, certificate: string): void {
  mkdirSync(`/etc/docker/certs.d/${address}`, { recursive: true });
  writeFileSync(`/etc/docker/certs.d/${address}/ca.crt`, certificate);
}

export const addHost = (ip: string, names: readonly string[]) =>
  appendFileSync("/etc/hosts", `${ip} ${names.join(" ")}\n`);

/** Starts a program that ends with the test, however that ends; its output goes into the file. */
function startProgram(t: Test, command: readonly string[], log: string): ChildProcess {
  const output = openSync(log, "a");
  const args = ["--pdeathsig", "TERM", "--", ...command];
  const child = spawn("setpriv", args, { stdio: ["ignore", output, output] });
  closeSync(output);
  t.teardown(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  });
  return child;
}

export class OwnEngine {
  private constructor(
    readonly folder: string,
    readonly docker: Docker,
  ) {}

  get socketPath(): string {
    return join(this.folder, "docker.sock");
  }

  /** Where it keeps images and containers. */
  get root(): string {
    return join(this.folder, "root");
  }

  /** @param disk bytes of the file system that images and containers lie on; absent: the machine's */
  static async start(t: Test, disk?: number): Promise<OwnEngine> {
    const folder = temporaryDirectory("bt-engine-");
    const engine = new OwnEngine(folder, new Docker({ socketPath: join(folder, "docker.sock") }));
    mkdirSync(engine.root);
    if (disk !== undefined) await run("mount", ["-t", "tmpfs", "-o", `size=${disk}`, "tmpfs", engine.root]);
    t.teardown(async () => {
      if (disk !== undefined) await run("umount", [engine.root]);
      rmSync(folder, { recursive: true, force: true });
    });
    const places = ["--data-root", engine.root, "--exec-root", join(folder, "run"), "--pidfile", join(folder, "pid")];
    const network = ["--bridge=none", "--iptables=false", "--ip6tables=false"];
    const command = ["dockerd", "--host", `unix://${engine.socketPath}`, ...places, ...network];
    const child = startProgram(t, command, join(folder, "log"));
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`dockerd ended: ${engine.log().slice(-2000)}`);
      return await engine.docker.ping().catch(() => undefined);
    });
    await engine.cli("load", "--quiet", "--input", await imageFile("busybox"));
    return engine;
  }

  log(): string {
    return readFileSync(join(this.folder, "log"), "utf8");
  }

  cli(...args: string[]): Promise<string> {
    // Its own configuration folder: the tests' user may be logged in somewhere.
    const env = { ...process.env, DOCKER_BUILDKIT: "0", DOCKER_CONFIG: join(this.folder, "client") };
    return run("docker", ["-H", `unix://${this.socketPath}`, ...args], { env, timeoutMs: 60_000 });
  }

  /** An image upon busybox with that many bytes of its own, made by `docker build`. */
  async build(name: string, bytes: number): Promise<void> {
    const folder = join(this.folder, "build");
    mkdirSync(folder);
    await run("dd", ["if=/dev/urandom", `of=${folder}/blob`, "bs=1M", `count=${bytes}`, "iflag=count_bytes"]);
    writeFileSync(join(folder, "Dockerfile"), "FROM busybox:latest\nCOPY blob /blob\n");
    await this.cli("build", "--quiet", "--tag", name, folder);
    rmSync(folder, { recursive: true });
  }

  /** Puts an image that is here into the registry under that name, and leaves no copy of the name. */
  async publish(source: string, name: string): Promise<void> {
    await this.cli("tag", source, name);
    await this.cli("push", "--quiet", name);
    await this.cli("rmi", name);
  }

  /** Names of all images, without digests. */
  async images(): Promise<string[]> {
    return (await this.cli("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n").filter(Boolean).sort();
  }
}

export interface RegistryOptions {
  /** "127.0.0.1:5000" */
  address: string;
  /** Where the images are; several registries may show the same. */
  storage: string;
  tls?: { certificate: string; key: string };
  /** Lines of an htpasswd file. */
  passwords?: string;
}

/** Debian's registry, the reference implementation; resolves when it listens. */
export async function startRegistry(t: Test, { address, storage, tls, passwords }: RegistryOptions): Promise<void> {
  const folder = temporaryDirectory("bt-registry-");
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const config = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    http: {
      addr: address,
      ...(tls ? { tls: { certificate: file("crt", tls.certificate), key: file("key", tls.key) } } : {}),
    },
    storage: { filesystem: { rootdirectory: storage } },
    ...(passwords ? { auth: { htpasswd: { realm: "test", path: file("passwords", passwords) } } } : {}),
  };
  startProgram(t, [REGISTRY_PROGRAM, "serve", file("config.yml", JSON.stringify(config))], join(folder, "log"));
  const [host, port] = address.split(":");
  await eventually(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(Number(port), String(host), () => resolve(socket.end() !== undefined));
        socket.on("error", () => resolve(false));
      }),
  );
}
