/** Requests that change protocols. They reach no Express middleware: every check stands here. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import { badRequest, StatusError } from "#api/status-error.js";
import type { Runtime } from "../runtime/runtime.js";
import { findPod, runningContainer } from "./container-target.js";
import { answerUpgradeError } from "./error-answer.js";
import { parseExecOptions } from "./exec-options.js";
import type { PodDirectory } from "./pod-directory.js";
import { admit } from "./request-chain.js";
import { upgradeToWebSocket } from "./websocket-upgrade.js";

export interface StreamBackend {
  runtime: Runtime;
  pods: PodDirectory;
  logger: Logger;
}

/** A request whose client is known and whose protocol is still HTTP. */
export interface Upgrade {
  request: IncomingMessage;
  socket: Duplex;
  /** What the client sent right behind its request. */
  head: Buffer;
  url: URL;
}

/** What is to be done once the protocol has changed. */
export type StreamTask =
  | { verb: "command"; containerId: string; options: ReturnType<typeof parseExecOptions> }
  | { verb: "portForward"; namespace: string; pod: string; uid: string };

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const KEEP_ALIVE_MS = 30_000;

export function upgradeHandler(backend: StreamBackend): UpgradeHandler {
  return (request, socket, head) => {
    socket.on("error", (error) => backend.logger.debug({ err: error, url: request.url }, "stream connection broke"));
    (socket as TLSSocket).setKeepAlive(true, KEEP_ALIVE_MS);
    accept(backend, request, socket, head).catch((error) => answerUpgradeError(socket, error));
  };
}

/** SPDY is loaded when the first client asks for it: the library is large. */
async function accept(backend: StreamBackend, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  admit(request);
  const upgrade = { request, socket, head, url: new URL(request.url ?? "/", "https://kubelet") };
  const task = streamTask(backend, upgrade.url);
  const wanted = upgrade.request.headers.upgrade;
  switch (wanted?.toLowerCase()) {
    case "websocket":
      return upgradeToWebSocket(backend, upgrade, task);
    case "spdy/3.1":
      return (await import("./spdy/upgrade.js")).upgradeToSpdy(backend, upgrade, task);
    default:
      throw badRequest(`unable to upgrade: this kubelet streams over WebSocket or SPDY/3.1, not ${wanted}`);
  }
}

function streamTask({ pods }: StreamBackend, { pathname, searchParams }: URL): StreamTask {
  const [, verb = "", namespace, name, container, ...rest] = pathname.split("/").map(decodeURIComponent);
  if (namespace && name && rest.length === 0) {
    if ((verb === "exec" || verb === "attach") && container) {
      const options = parseExecOptions(searchParams, verb);
      const containerId = runningContainer(pods, { namespace, pod: name, container });
      return { verb: "command", containerId, options };
    }
    if (verb === "portForward" && container === undefined) {
      const { uid } = findPod(pods, { namespace, pod: name }).metadata;
      return { verb, namespace, pod: name, uid };
    }
  }
  throw new StatusError(404, "NotFound", "the server could not find the requested resource");
}
