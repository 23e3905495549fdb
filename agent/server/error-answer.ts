import type { ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { internalError, StatusError } from "#api/status-error.js";

/** Any error as the `Status` a client understands. */
export function toStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  return internalError(error instanceof Error ? error.message : String(error));
}

export function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy(error instanceof Error ? error : undefined);
    return;
  }
  const status = toStatusError(error);
  const body = JSON.stringify(status.toStatus());
  response.writeHead(status.code, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** The same for a request that asked to change protocols: it has a socket and no response object. */
export function answerUpgradeError(socket: Duplex, error: unknown): void {
  const status = toStatusError(error);
  const body = JSON.stringify(status.toStatus());
  const head = [
    `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code] ?? status.reason}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
