import { createRequire } from "node:module";
import type { Client, ServiceError } from "@grpc/grpc-js";
import type protobuf from "protobufjs";
import type { GRPCAction } from "#api/generated/types.js";
import { failure, type ProbeResult, success } from "./probe-result.js";

const SERVING = 1;
const STATUS_NAMES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const CHECK = "/grpc.health.v1.Health/Check";
/** What a channel does on its own when nobody answers would outlive the probe. */
const CHANNEL = {
  "grpc.enable_retries": 0,
  "grpc.primary_user_agent": "kube-probe/1.35",
  "grpc.use_local_subchannel_pool": 1,
};

/**
 * Asks the standard health service, without TLS; success when it answers SERVING.
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export async function grpcProbe(
  { service = "", port }: GRPCAction,
  host: string,
  timeoutMs: number,
): Promise<ProbeResult> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const { Client, credentials } = libraries().grpc;
  const client = new Client(address, credentials.createInsecure(), CHANNEL);
  try {
    const deadline = Date.now() + timeoutMs;
    if (!(await connected(client, deadline)))
      return failure(`timeout: failed to connect service "${address}" within ${seconds(timeoutMs)}`);
    const status = await check(client, service, deadline);
    if (status === SERVING) return success;
    return failure(`service unhealthy (responded with "${STATUS_NAMES[status] ?? status}")`);
  } catch (error) {
    return failure(reasonOf(error as ServiceError, timeoutMs));
  } finally {
    client.close();
  }
}

interface Libraries {
  grpc: typeof import("@grpc/grpc-js");
  request: protobuf.Type;
  response: protobuf.Type;
}

let loaded: Libraries | undefined;

/** Loaded by the first probe of this kind: most nodes have none, and they take 10 MB. */
function libraries(): Libraries {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  const { Type, Field } = require("protobufjs/light.js") as typeof protobuf;
  loaded = {
    grpc: require("@grpc/grpc-js"),
    request: new Type("HealthCheckRequest").add(new Field("service", 1, "string")),
    response: new Type("HealthCheckResponse").add(new Field("status", 1, "int32")),
  };
  return loaded;
}

const seconds = (ms: number) => `${ms / 1000}s`;

function connected(client: Client, deadline: number): Promise<boolean> {
  return new Promise((resolve) => client.waitForReady(deadline, (error) => resolve(!error)));
}

function check(client: Client, service: string, deadline: number): Promise<number> {
  const { request, response } = libraries();
  const encode = (name: string) => Buffer.from(request.encode({ service: name }).finish());
  const decode = (bytes: Buffer) => (response.decode(bytes) as unknown as { status: number }).status;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(CHECK, encode, decode, service, { deadline }, (error, status) =>
      error ? reject(error) : resolve(status ?? 0),
    );
  });
}

function reasonOf({ code, details, message }: ServiceError, timeoutMs: number): string {
  const { status } = libraries().grpc;
  if (code === status.UNIMPLEMENTED)
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${details}`;
  if (code === status.DEADLINE_EXCEEDED) return `timeout: health rpc did not complete within ${seconds(timeoutMs)}`;
  return `error: health rpc probe failed: ${details || message}`;
}
