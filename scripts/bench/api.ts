/** The API server alone: each operation beside an empty handler over the same TLS stack, in the same run. */
import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import axios from "axios";
import type { Benchmark, BenchOptions, Report } from "./figure.js";
import { keepAliveAgent, type Load, load, type Target } from "./load.js";
import { residentMegabytes } from "./process-use.js";
import { type BenchServer, startBenchServer } from "./server-process.js";

const SECONDS = 4;
const CONNECTIONS = 32;
const WATCHERS = 100;
const LISTED = 2000;

const configMap = (metadata: object) =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { text: "x".repeat(800), key: "value" } });
const collection = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;

async function post(server: BenchServer, path: string, bodies: readonly string[]): Promise<void> {
  const httpsAgent = keepAliveAgent(server.target, CONNECTIONS);
  const client = axios.create({
    baseURL: server.target.url,
    httpsAgent,
    headers: { "content-type": "application/json" },
  });
  const pending = [...bodies];
  const worker = async () => {
    for (let body = pending.pop(); body !== undefined; body = pending.pop()) await client.post(path, body);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  httpsAgent.destroy();
}

async function makeNamespace(server: BenchServer, name: string): Promise<void> {
  await post(server, "/api/v1/namespaces", [
    JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name } }),
  ]);
}

/** Measures the empty handler, then the operation, with the same request. */
async function beside(server: BenchServer, name: string, work: Load, report: Report): Promise<number> {
  const baseline = await load(server.empty, work);
  const own = await load(server.target, work);
  report({ name, value: own.perSecond, unit: "req/s", baseline: baseline.perSecond });
  report({ name: `${name}-p50`, value: own.p50, unit: "ms", baseline: baseline.p50 });
  report({ name: `${name}-p99`, value: own.p99, unit: "ms", baseline: baseline.p99 });
  return own.perSecond;
}

/**
 * How near to the empty handler any durable create could come here, with nothing of an API server in it.
 * @returns creates per second
 */
async function floor(server: BenchServer, work: Load, report: Report): Promise<number> {
  const baseline = await load(server.empty, work);
  const least = await load(server.floor, work);
  report({ name: "create-floor", value: least.perSecond, unit: "req/s", baseline: baseline.perSecond });
  return least.perSecond;
}

/** How much of their rate the same creates keep when what they store goes to 100 watchers, and nothing else is done. */
async function floorWatched(server: BenchServer, work: Load, unwatched: number, report: Report): Promise<void> {
  const watchers = await startWatchers(server.floor, "/");
  const least = await load(server.floor, work);
  watchers.kill();
  report({ name: "create-100-watchers-floor", value: least.perSecond, unit: "req/s", baseline: unwatched });
}

function ask(child: ChildProcess, message: object | string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`watchers ended with ${code}`)));
    child.send(message);
  });
}

async function startWatchers(target: Target, path: string): Promise<ChildProcess> {
  const watchers = fork(fileURLToPath(new URL("watchers.js", import.meta.url)));
  await ask(watchers, { target, path, count: WATCHERS });
  return watchers;
}

async function countEvents(watchers: ChildProcess, expected: number): Promise<number> {
  let seen = 0;
  for (let i = 0; i < 100 && seen < expected; i++) {
    await sleep(100);
    seen = (await ask(watchers, "count")) as number;
  }
  return seen;
}

/** Creates while 100 watchers look on; fails when an event is missing. */
async function createWatched(server: BenchServer, unwatched: number, report: Report): Promise<void> {
  await makeNamespace(server, "watched");
  const path = collection("watched");
  const watchers = await startWatchers(server.target, `${path}?watch=true&allowWatchBookmarks=false`);
  const body = configMap({ generateName: "w-" });
  const result = await load(server.target, { path, method: "POST", body, connections: CONNECTIONS, seconds: SECONDS });
  const httpsAgent = keepAliveAgent(server.target, 1);
  const { data } = await axios.get(`${server.target.url}${path}?limit=1`, { httpsAgent });
  httpsAgent.destroy();
  const created = 1 + (data.metadata.remainingItemCount ?? 0);
  const seen = await countEvents(watchers, created * WATCHERS);
  watchers.kill();
  if (seen !== created * WATCHERS) throw new Error(`${seen} events arrived of ${created} x ${WATCHERS}`);
  report({ name: "create-100-watchers", value: result.perSecond, unit: "req/s", baseline: unwatched });
  report({ name: "create-100-watchers-p50", value: result.p50, unit: "ms" });
  report({ name: "create-100-watchers-p99", value: result.p99, unit: "ms" });
  report({ name: "events-delivered", value: seen, unit: "events" });
}

async function run(report: Report, { progress }: BenchOptions): Promise<void> {
  progress("starting a server");
  const server = await startBenchServer();
  try {
    await makeNamespace(server, "bench");
    const path = collection("bench");
    await post(server, path, [configMap({ name: "one" })]);
    const create = { path, method: "POST" as const, body: configMap({ generateName: "c-" }) };
    progress("warming up");
    await load(server.target, { path: `${path}/one`, connections: CONNECTIONS, seconds: 2 });
    await load(server.target, { ...create, connections: CONNECTIONS, seconds: 2 });
    progress("get");
    await beside(server, "get", { path: `${path}/one`, connections: CONNECTIONS, seconds: SECONDS }, report);
    progress("create");
    const unwatched = await beside(server, "create", { ...create, connections: CONNECTIONS, seconds: SECONDS }, report);
    const least = await floor(server, { ...create, connections: CONNECTIONS, seconds: SECONDS }, report);
    progress("serial create");
    await beside(server, "create-serial", { ...create, connections: 1, seconds: SECONDS }, report);
    progress(`create with ${WATCHERS} watchers`);
    await createWatched(server, unwatched, report);
    await floorWatched(server, { ...create, connections: CONNECTIONS, seconds: SECONDS }, least, report);
    progress(`list of ${LISTED}`);
    await makeNamespace(server, "listed");
    await post(
      server,
      collection("listed"),
      Array.from({ length: LISTED }, (_, i) => configMap({ name: `item-${i}` })),
    );
    await beside(server, "list-2000", { path: collection("listed"), connections: 4, seconds: SECONDS }, report);
    report({ name: "server-resident", value: residentMegabytes(server.pid), unit: "MB" });
  } finally {
    await server.stop();
  }
}

export const apiBenchmark: Benchmark = {
  name: "api",
  description: "get, list, create, watch against an empty handler",
  run,
};
