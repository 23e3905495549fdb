/** Requests that change protocols. They reach no Express middleware: every check stands here. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocketServer } from "ws";
import { badRequest, StatusError } from "#api/status-error.js";
import type { Runtime } from "../runtime/runtime.js";
import { chooseProtocol } from "./channel-protocol.js";
import { type ContainerPath, runningContainer } from "./container-target.js";
import { answerUpgradeError } from "./error-answer.js";
import { serveExec } from "./exec.js";
import { parseExecOptions } from "./exec-options.js";
import type { PodDirectory } from "./pod-directory.js";
import { admit } from "./request-chain.js";

export interface StreamBackend {
  runtime: Runtime;
  pods: PodDirectory;
  logger: Logger;
}

/** Largest single frame a client may send, in bytes. */
const MAX_FRAME = 32 * 1024 * 1024;

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export function upgradeHandler(backend: StreamBackend): UpgradeHandler {
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME,
    perMessageDeflate: false,
    handleProtocols: (offered) => chooseProtocol(offered)?.name ?? false,
  });
  return (request, socket, head) => {
    socket.on("error", (error) => backend.logger.debug({ err: error, url: request.url }, "stream connection broke"));
    try {
      admit(request);
      acceptExec(backend, webSockets, request, socket, head);
    } catch (error) {
      answerUpgradeError(socket, error);
    }
  };
}

function acceptExec(
  backend: StreamBackend,
  webSockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const url = new URL(request.url ?? "/", "https://kubelet");
  const { verb, ...path } = streamPath(url.pathname);
  const options = parseExecOptions(url.searchParams, verb);
  const containerId = runningContainer(backend.pods, path);
  const protocol = chooseProtocol(offeredProtocols(request));
  if (request.headers.upgrade?.toLowerCase() !== "websocket") {
    throw badRequest(`unable to upgrade: this kubelet streams over WebSocket, not ${request.headers.upgrade}`);
  }
  if (!protocol) throw badRequest("unable to upgrade: the client offers none of v5.channel.k8s.io, v4.channel.k8s.io");
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    serveExec(backend.runtime, containerId, options, webSocket, protocol).catch((error) => {
      backend.logger.debug({ err: error, ...path }, "exec session broke");
      webSocket.terminate();
    });
  });
}

const offeredProtocols = (request: IncomingMessage) =>
  (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());

function streamPath(pathname: string): ContainerPath & { verb: "exec" | "attach" } {
  const [, verb, namespace, pod, container, ...rest] = pathname.split("/").map(decodeURIComponent);
  if ((verb !== "exec" && verb !== "attach") || !namespace || !pod || !container || rest.length > 0) {
    throw new StatusError(404, "NotFound", "the server could not find the requested resource");
  }
  return { verb, namespace, pod, container };
}
