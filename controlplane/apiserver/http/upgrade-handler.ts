/** Requests that change protocols: the same chain, then one of the streams. They never reach Express. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import { badRequest } from "#api/status-error.js";
import type { StreamRoute } from "../kubelet/pod-stream.js";
import type { RequestChain } from "../request-chain.js";
import { requestInfo } from "../request-info.js";
import type { ResourceTable } from "../resource-table.js";
import { subresourceKey } from "./request-handler.js";
import { errorReply } from "./write-reply.js";

export interface UpgradeHandlerOptions {
  readonly chain: RequestChain;
  readonly table: ResourceTable;
  /** By "plural/subresource". */
  readonly streams: ReadonlyMap<string, StreamRoute>;
  readonly logger: Logger;
}

export function upgradeHandler({ chain, table, streams, logger }: UpgradeHandlerOptions) {
  return async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const started = performance.now();
    const info = requestInfo(request.method ?? "GET", request.url ?? "/");
    const seconds = () => (performance.now() - started) / 1000;
    socket.on("error", (error) => logger.debug({ err: error, path: info.path }, "stream broke"));
    (socket as TLSSocket).setKeepAlive?.(true, 30_000);
    try {
      const user = await chain.admit(socket as TLSSocket, request.headers, info);
      const { resource } = info;
      const route = resource && streams.get(subresourceKey(resource));
      if (!route || resource.name === undefined) throw badRequest("this resource does not change protocols");
      table.find(resource);
      await route({ request, socket, head, info, resource });
      chain.audit(info, user, 101, seconds());
    } catch (error) {
      const { status, chunks } = errorReply(error, logger, info.path);
      writeRefusal(socket, status, Buffer.concat([...chunks]));
      chain.audit(info, undefined, status, seconds());
    }
  };
}

function writeRefusal(socket: Duplex, status: number, body: Buffer): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "Connection: close",
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
}
