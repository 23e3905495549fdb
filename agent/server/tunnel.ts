/**
 * CONNECT: a way for the API server to a Pod of this node. The server need not be on the pod network, the agent always is; so
 * proxied requests come here and go on as bare bytes, and whatever is spoken inside (HTTP, TLS, an upgrade) is between the
 * API server and the Pod. Only to what is this node's own: its Pods, and the node itself.
 */
import type { IncomingMessage } from "node:http";
import { connect, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { badRequest, StatusError } from "#api/status-error.js";
import { joinStreams } from "#client/join-streams.js";
import { dialTrouble } from "./dial-troubles.js";
import { answerUpgradeError } from "./error-answer.js";
import type { PodDirectory } from "./pod-directory.js";
import { admit } from "./request-chain.js";

export interface TunnelBackend {
  pods: PodDirectory;
  /** The node's own address. */
  host: string;
  logger: Logger;
}

const CONNECT_TIMEOUT_MS = 10_000;

export function tunnelHandler(backend: TunnelBackend) {
  return (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const broken = (error: Error) => backend.logger.debug({ err: error, to: request.url }, "tunnel broke");
    socket.on("error", broken);
    const open = async () => {
      admit(request);
      const pod = await dial(permitted(backend, request.url ?? ""));
      if (socket.destroyed) return void pod.destroy();
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      if (head.length > 0) pod.write(head);
      joinStreams(socket, pod);
    };
    open().catch((error) => answerUpgradeError(socket, error));
  };
}

/** @throws StatusError for an address that is not of this node */
function permitted({ pods, host }: TunnelBackend, authority: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = authority.match(/^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/) ?? [];
  const ip = bracketed ?? plain ?? "";
  const port = Number(digits);
  if (isIP(ip) === 0 || !(port > 0 && port < 65536)) throw badRequest(`"${authority}" is no address and port`);
  const known = ip === host || pods.list().some(({ status }) => status?.podIPs?.some((own) => own.ip === ip));
  if (!known) throw new StatusError(403, "Forbidden", `${ip} is no address of this node or of a Pod on it`);
  return { host: ip, port };
}

/** @throws StatusError 502 with the reason */
function dial({ host, port }: { host: string; port: number }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const fail = (error: NodeJS.ErrnoException) => {
      socket.destroy();
      const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
      const message = `dial tcp ${address}: ${dialTrouble(error)}`;
      reject(new StatusError(502, "BadGateway", message));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" })));
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      socket.off("error", fail);
      resolve(socket);
    });
  });
}
