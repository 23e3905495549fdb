import type { Container, Probe } from "#api/generated/types.js";
import type { Runtime } from "../runtime/runtime.js";
import { execProbe } from "./exec-probe.js";
import { grpcProbe } from "./grpc-probe.js";
import { httpProbe } from "./http-probe.js";
import type { ProbeResult } from "./probe-result.js";
import { tcpProbe } from "./tcp-probe.js";

export interface ProbeTarget {
  runtime: Runtime;
  container: Container;
  containerId: string;
  podIP: string;
}

/** An error (not a failure) is tried again this often before it counts. */
const TRIES = 3;

/** Runs the probe once. Never rejects, and ends within its time-out. */
export async function runProbe(probe: Probe, target: ProbeTarget): Promise<ProbeResult> {
  let result: ProbeResult = { outcome: "error", message: "" };
  for (let i = 0; i < TRIES && result.outcome === "error"; i++) result = await runOnce(probe, target);
  return result;
}

async function runOnce(probe: Probe, { runtime, container, containerId, podIP }: ProbeTarget): Promise<ProbeResult> {
  const timeoutMs = (probe.timeoutSeconds || 1) * 1000;
  try {
    if (probe.exec) return await execProbe(runtime, containerId, probe.exec.command ?? [], timeoutMs);
    if (probe.httpGet) {
      const { host, port } = probe.httpGet;
      return await httpProbe(probe.httpGet, host || podIP, portNumber(container, port), timeoutMs);
    }
    if (probe.tcpSocket) {
      const { host, port } = probe.tcpSocket;
      return await tcpProbe(host || podIP, portNumber(container, port), timeoutMs);
    }
    if (probe.grpc) return await grpcProbe(probe.grpc, podIP, timeoutMs);
    return { outcome: "error", message: `missing or unsupported probe handler for ${container.name}` };
  } catch (error) {
    return { outcome: "error", message: (error as Error).message };
  }
}

/** @throws Error for a name that no port of the container has */
export function portNumber(container: Container, port: number | string): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port);
  if (named) return named.containerPort;
  if (/^\d+$/.test(port)) return Number(port);
  throw new Error(`couldn't find port: "${port}" in container ${container.name}`);
}
