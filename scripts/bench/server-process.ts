/** An API server of its own for a benchmark: temporary data, loopback only, ended with the benchmark. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import axios from "axios";
import { parse } from "yaml";
import { berthCommand } from "#scripts/berth-command.js";
import { keepAliveAgent, type Target } from "./load.js";

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

interface Kubeconfig {
  clusters: { cluster: { "certificate-authority-data": string } }[];
  users: { user: { "client-certificate-data": string; "client-key-data": string } }[];
}

export interface BenchServer {
  target: Target;
  /** A server with the same TLS set-up and an empty handler. */
  empty: Target;
  /** The same again, whose handler stores what it is sent: the least that a create costs. */
  floor: Target;
  dataDir: string;
  pid: number;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

export function credentials(kubeconfig: string): Omit<Target, "url"> {
  const config = parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
  const text = (base64: string) => Buffer.from(base64, "base64").toString();
  const user = config.users[0]!.user;
  return {
    ca: text(config.clusters[0]!.cluster["certificate-authority-data"]),
    cert: text(user["client-certificate-data"]),
    key: text(user["client-key-data"]),
  };
}

async function waitReady(target: () => Target | undefined, child: ChildProcess): Promise<Target> {
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error(`berth server ended with ${child.exitCode}`);
    const known = target();
    if (known) {
      const httpsAgent = keepAliveAgent(known, 1);
      const answer = await axios
        .get(`${known.url}/readyz`, { httpsAgent, validateStatus: () => true })
        .catch(() => undefined);
      httpsAgent.destroy();
      if (answer?.status === 200) return known;
    }
    await sleep(50);
  }
  throw new Error("berth server did not become ready in 10 s");
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
}

export async function startBenchServer(): Promise<BenchServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "berth-bench-"));
  const port = await freePort();
  const args = ["server", "--no-agent", "--data-dir", dataDir, "--port", String(port)];
  args.push("--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1");
  const [node, ...command] = berthCommand();
  const server = spawn(node!, [...command, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const kubeconfig = join(dataDir, "server/admin.kubeconfig");
  const find = () =>
    existsSync(kubeconfig) ? { url: `https://127.0.0.1:${port}`, ...credentials(kubeconfig) } : undefined;
  const target = await waitReady(find, server);
  const pki = join(dataDir, "server/pki");
  const baselines = [
    fork(here("empty-server.js"), [pki]),
    fork(here("floor-server.js"), [pki, join(dataDir, "floor")]),
  ];
  const ports = await Promise.all(baselines.map((child) => new Promise((resolve) => child.once("message", resolve))));
  const [empty, floor] = ports.map((port) => ({ ...target, url: `https://127.0.0.1:${port}` }));
  return {
    target,
    empty: empty!,
    floor: floor!,
    dataDir,
    pid: server.pid!,
    async stop() {
      const all = [...baselines, server];
      for (const child of all) child.kill();
      await Promise.all(all.map(ended));
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
