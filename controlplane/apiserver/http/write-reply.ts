/** Puts an answer on the wire: head and body together, in as few socket writes as can be. */
import type { ServerResponse } from "node:http";
import type { Logger } from "pino";
import { internalError, StatusError } from "#api/status-error.js";
import type { AnyReply, PipedReply, Reply } from "../reply.js";
import type { ApiStream } from "../request.js";

/** Bytes that may wait for a slow watcher before it is dropped. */
export const STREAM_BUFFER = 4 * 1024 * 1024;

const EMPTY = Buffer.alloc(0);

/**
 * @param streamHeaders further headers of a stream: names and values in turn
 * @returns the HTTP status sent
 */
export function writeReply(response: ServerResponse, reply: AnyReply, streamHeaders: readonly string[] = []): number {
  if ("chunks" in reply) return writeWhole(response, reply);
  if ("body" in reply) return writePiped(response, reply);
  return writeStream(response, reply, streamHeaders);
}

function writeWhole(response: ServerResponse, reply: Reply): number {
  const { chunks } = reply;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const head = ["Content-Type", reply.contentType, "Content-Length", String(length)];
  if (reply.headers?.["Cache-Control"] === undefined) head.push("Cache-Control", "no-cache, private");
  for (const warning of reply.warnings ?? []) head.push("Warning", `299 - ${JSON.stringify(plainText(warning))}`);
  if (reply.headers) for (const [name, value] of Object.entries(reply.headers)) head.push(name, value);
  response.writeHead(reply.status, head);
  if (chunks.length > 1) {
    response.cork();
    for (let i = 0; i < chunks.length - 1; i++) response.write(chunks[i]!);
    response.end(chunks[chunks.length - 1]);
    response.uncork();
  } else response.end(chunks[0] ?? EMPTY);
  return reply.status;
}

/** A header holds one line of Latin-1. */
function plainText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ");
}

function writePiped(response: ServerResponse, { status, contentType, body, headers = {} }: PipedReply): number {
  const further = Object.entries(headers).flat();
  response.writeHead(status, ["Content-Type", contentType, "Cache-Control", "no-cache, private", ...further]);
  response.flushHeaders();
  response.on("close", () => body.destroy());
  // The head has gone: all that is left to say an error with is a cut connection.
  body.on("error", () => response.destroy());
  body.pipe(response);
  return status;
}

function writeStream(response: ServerResponse, stream: ApiStream, headers: readonly string[]): number {
  response.writeHead(200, ["Content-Type", stream.contentType, "Cache-Control", "no-cache, private", ...headers]);
  response.flushHeaders();
  // Null behind an unfinished answer on the same connection, and for clients to whom no chunks can be sent.
  const socket = response.chunkedEncoding ? response.socket : null;
  let stop: (() => void) | undefined;
  let closed = false;
  response.on("close", () => {
    closed = true;
    stop?.();
  });
  stop = stream.start({
    write(chunk) {
      if (closed) return true;
      if (socket) socket.write(httpChunk(chunk));
      else response.write(chunk);
      return response.writableLength <= STREAM_BUFFER;
    },
    async drained() {
      const outlet = socket ?? response;
      if (closed || !outlet.writableNeedDrain) return;
      await new Promise<void>((resolve) => {
        const done = () => {
          outlet.off("drain", done);
          response.off("close", done);
          resolve();
        };
        outlet.on("drain", done);
        response.on("close", done);
      });
    },
    end() {
      // One who does not read would keep the buffer for ever: only a reader gets a clean end.
      if (response.writableLength > STREAM_BUFFER) response.destroy();
      else response.end();
    },
  });
  if (closed) stop();
  return 200;
}

let last: { chunk: Buffer; framed: Buffer } = { chunk: EMPTY, framed: EMPTY };

/**
 * A chunk as HTTP/1.1 sends it. Watchers of the same are written to one after the other: they share the framed bytes, and
 * each write is one buffer, which TLS takes as it is, where Node's own three (length, chunk, line end) are joined each time.
 */
function httpChunk(chunk: Buffer): Buffer {
  if (last.chunk !== chunk) {
    const parts = [Buffer.from(`${chunk.length.toString(16)}\r\n`, "latin1"), chunk, LINE_END];
    last = { chunk, framed: Buffer.concat(parts) };
  }
  return last.framed;
}

const LINE_END = Buffer.from("\r\n");

export function errorReply(error: unknown, logger: Logger, path: string): Reply {
  let known: StatusError;
  if (error instanceof StatusError) known = error;
  else {
    logger.error({ err: error, path }, "request failed");
    known = internalError(error instanceof Error ? error.message : String(error));
  }
  const retry = known.details?.retryAfterSeconds;
  const headers: Record<string, string> = {};
  if (retry !== undefined) headers["Retry-After"] = String(retry);
  return {
    status: known.code,
    contentType: "application/json",
    chunks: [Buffer.from(JSON.stringify(known.toStatus()))],
    headers,
  };
}
