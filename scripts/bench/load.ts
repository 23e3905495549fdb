/** Load on loopback, bounded in time, by autocannon: requests per second and latencies in milliseconds. */
import { Agent } from "node:https";
import autocannon from "autocannon";

export interface Target {
  url: string;
  /** PEM. */
  ca: string;
  cert: string;
  key: string;
}

export interface Load {
  path: string;
  method?: "GET" | "POST";
  body?: string;
  connections: number;
  seconds: number;
}

export interface LoadResult {
  perSecond: number;
  p50: number;
  p99: number;
}

export async function load(target: Target, load: Load): Promise<LoadResult> {
  const latencies: number[] = [];
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const options: autocannon.Options = {
      url: `${target.url}${load.path}`,
      method: load.method ?? "GET",
      headers: load.body ? { "content-type": "application/json" } : {},
      body: load.body,
      connections: load.connections,
      duration: load.seconds,
      tlsOptions: { ca: target.ca, cert: target.cert, key: target.key, servername: "localhost" },
    };
    const instance = autocannon(options, (error, done) => (error ? reject(error) : resolve(done)));
    instance.on("response", (_client, status, _bytes, milliseconds) => {
      if (status >= 300) reject(new Error(`${load.method ?? "GET"} ${load.path} answered ${status}`));
      latencies.push(milliseconds);
    });
  });
  if (result.errors > 0 || latencies.length === 0) throw new Error(`${result.errors} requests to ${load.path} failed`);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!;
  return { perSecond: latencies.length / result.duration, p50: at(0.5), p99: at(0.99) };
}

export const keepAliveAgent = (target: Target, sockets: number) =>
  new Agent({
    ca: target.ca,
    cert: target.cert,
    key: target.key,
    servername: "localhost",
    keepAlive: true,
    maxSockets: sockets,
  });
