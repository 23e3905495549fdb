/** The change from HTTP to SPDY/3.1: which protocol is spoken inside is agreed on by X-Stream-Protocol-Version. */
import type { IncomingMessage } from "node:http";
import { StatusError } from "#api/status-error.js";
import { PORT_FORWARD_PROTOCOL } from "../channel-protocol.js";
import { serveExec } from "../exec.js";
import type { StreamBackend, StreamTask, Upgrade } from "../upgrade.js";
import { COMMAND_PROTOCOLS, SpdyCommandStreams } from "./command-streams.js";
import { servePortForward } from "./port-forward.js";
import { SpdySession } from "./session.js";

/** @throws StatusError 403 as long as the protocol has not changed */
export function upgradeToSpdy(backend: StreamBackend, upgrade: Upgrade, task: StreamTask): void {
  const { request, socket, url } = upgrade;
  if (task.verb === "portForward") {
    switchProtocols(upgrade, negotiate(request, [PORT_FORWARD_PROTOCOL]));
    return void servePortForward(socket, { ...backend, ...task });
  }
  const { options, containerId } = task;
  const protocol = negotiate(request, COMMAND_PROTOCOLS);
  switchProtocols(upgrade, protocol);
  const streams = new SpdyCommandStreams(protocol, options);
  const session = new SpdySession(socket, (stream) => streams.add(stream));
  const served = streams.ready(session).then(() => serveExec(backend.runtime, containerId, options, streams));
  served.catch((error) => {
    backend.logger.debug({ err: error, path: url.pathname }, "streaming session broke");
    session.destroy();
  });
}

/** The client's first choice among those served. */
function negotiate(request: IncomingMessage, served: readonly string[]): string {
  const asked = [request.headers["x-stream-protocol-version"] ?? []].flat().join(",");
  const offered = asked.split(",").map((name) => name.trim());
  const found = offered.find((name) => served.includes(name));
  if (found !== undefined) return found;
  const lists = `client supports [${offered.join(" ")}], server accepts [${served.join(" ").trim()}]`;
  throw new StatusError(403, "Forbidden", `unable to upgrade: unable to negotiate protocol: ${lists}`);
}

function switchProtocols({ socket, head }: Upgrade, protocol: string): void {
  const lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: SPDY/3.1"];
  if (protocol) lines.push(`X-Stream-Protocol-Version: ${protocol}`);
  if (head.length > 0) socket.unshift(head);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
}
