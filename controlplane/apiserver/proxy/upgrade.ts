/**
 * A change of protocols through the proxy subresource: WebSocket, or any other. Only after the other side has agreed do bytes
 * go through untouched. When it does not, its answer goes back and the client's connection ends with it: what the client
 * would send next is for the API server, and must not reach a Pod.
 */
import { type IncomingMessage, ServerResponse, request as send } from "node:http";
import type { Duplex } from "node:stream";
import { badRequest } from "#api/status-error.js";
import { joinStreams } from "#client/join-streams.js";
import { dialFor, type ProxyPath, passOn, pathBehind, unreachable } from "./forward.js";
import { requestHeaders, responseHeaders } from "./headers.js";
import type { ProxyTarget } from "./target.js";

/** @param head what the client sent right behind its request. @throws StatusError as long as nothing has been sent */
export async function forwardUpgrade(
  target: ProxyTarget,
  { prefix, rest }: ProxyPath,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { method = "GET", headers } = request;
  if (headers["transfer-encoding"] || Number(headers["content-length"] ?? 0) > 0)
    throw badRequest("a request to change protocols cannot have a body here");
  const path = pathBehind(rest);
  const kept = requestHeaders(request, prefix + path.replace(/\?.*/s, ""));
  kept.push("Connection", "Upgrade", "Upgrade", headers.upgrade ?? "");
  const connection = await dialFor(target);
  await new Promise<void>((resolve, reject) => {
    const outgoing = send({ method, path, headers: kept, createConnection: () => connection });
    const clientGone = () => outgoing.destroy();
    socket.once("close", clientGone);
    outgoing.on("upgrade", (answer, backend, first) => {
      socket.off("close", clientGone);
      socket.write(agreement(answer));
      if (first.length > 0) backend.unshift(first);
      if (head.length > 0) backend.write(head);
      joinStreams(socket, backend);
      resolve();
    });
    outgoing.on("response", (answer) => {
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as never);
      response.on("finish", () => socket.end());
      answer.on("close", () => connection.destroy());
      passOn(answer, { prefix, host: target.host, seenAs: headers.host ?? "" }, response, method !== "HEAD");
      resolve();
    });
    outgoing.on("error", (error) => {
      connection.destroy();
      reject(unreachable(error));
    });
    outgoing.end();
  });
}

function agreement(answer: IncomingMessage): string {
  const lines = [`HTTP/1.1 101 ${answer.statusMessage ?? ""}`, "Connection: Upgrade"];
  if (answer.headers.upgrade) lines.push(`Upgrade: ${answer.headers.upgrade}`);
  const kept = responseHeaders(answer);
  for (let i = 0; i < kept.length; i += 2) lines.push(`${kept[i]}: ${kept[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
