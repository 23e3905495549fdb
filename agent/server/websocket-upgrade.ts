import type { IncomingMessage } from "node:http";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import { badRequest } from "#api/status-error.js";
import { channel, choosePortForwardProtocol, chooseProtocol, PORT_FORWARD_PROTOCOL } from "./channel-protocol.js";
import { ChannelStreams } from "./channel-streams.js";
import { serveExec } from "./exec.js";
import { forwardChannels, parsePorts } from "./port-forward-channels.js";
import type { StreamBackend, StreamTask, Upgrade } from "./upgrade.js";

/** Largest single frame a client may send, in bytes. */
const MAX_FRAME = 32 * 1024 * 1024;
/** kubectl's port-forward since 1.31: the messages are the bytes of a SPDY connection. */
const TUNNEL = `SPDY/3.1+${PORT_FORWARD_PROTOCOL}`;

/** @throws StatusError 400 as long as the protocol has not changed */
export async function upgradeToWebSocket(backend: StreamBackend, upgrade: Upgrade, task: StreamTask): Promise<void> {
  if (task.verb === "command") return upgradeCommand(backend, upgrade, task);
  const target = { ...backend, ...task };
  const offered = offeredProtocols(upgrade.request);
  if (offered.includes(TUNNEL)) {
    const { servePortForward } = await import("./spdy/port-forward.js");
    return handshake(upgrade, TUNNEL, (socket) => servePortForward(createWebSocketStream(socket), target));
  }
  const protocol = choosePortForwardProtocol(offered);
  if (!protocol) throw badRequest(`unable to upgrade: the client offers none of ${TUNNEL}, v4.channel.k8s.io`);
  const ports = parsePorts(upgrade.url.searchParams);
  handshake(upgrade, offered.length > 0 ? protocol.name : undefined, (socket) => {
    forwardChannels(target, ports, socket, protocol).catch((error) => broke(backend, upgrade, socket, error));
  });
}

function upgradeCommand(
  backend: StreamBackend,
  upgrade: Upgrade,
  { containerId, options }: StreamTask & { verb: "command" },
): void {
  const protocol = chooseProtocol(offeredProtocols(upgrade.request));
  if (!protocol) throw badRequest("unable to upgrade: the client offers none of v5.channel.k8s.io, v4.channel.k8s.io");
  handshake(upgrade, protocol.name, (socket) => {
    const streams = new ChannelStreams(socket, protocol, options.stdout ? channel.stdout : channel.error);
    const done = serveExec(backend.runtime, containerId, options, streams);
    done.catch((error) => broke(backend, upgrade, socket, error));
  });
}

function broke({ logger }: StreamBackend, { url }: Upgrade, socket: WebSocket, error: Error): void {
  logger.debug({ err: error, path: url.pathname }, "streaming session broke");
  socket.terminate();
}

const offeredProtocols = (request: IncomingMessage): string[] =>
  (request.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);

const server = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME, perMessageDeflate: false });

/** The package refuses a name with a slash in it, as the tunnel's is, so the names pass it by. */
function handshake(
  { request, socket, head }: Upgrade,
  protocol: string | undefined,
  then: (socket: WebSocket) => void,
) {
  delete request.headers["sec-websocket-protocol"];
  if (protocol) chosen.set(request, protocol);
  server.handleUpgrade(request, socket, head, then);
}

const chosen = new WeakMap<IncomingMessage, string>();
server.on("headers", (headers, request) => {
  const protocol = chosen.get(request);
  if (protocol) headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
});
