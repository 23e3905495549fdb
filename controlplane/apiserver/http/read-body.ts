import type { IncomingMessage } from "node:http";
import { tooLarge } from "#api/status-error.js";

/** Upstream's limit, in bytes. */
export const MAX_BODY = 3 * 1024 * 1024;

/**
 * The whole body, or undefined when there is none.
 * @throws StatusError 413 when it is longer than `limit`; the rest of it is still unread then
 */
export function readBody(request: IncomingMessage, limit = MAX_BODY): Promise<Buffer | undefined> {
  const { headers } = request;
  const announced = headers["content-length"];
  if (announced === undefined && headers["transfer-encoding"] === undefined) return Promise.resolve(undefined);
  if (announced !== undefined && Number(announced) > limit) return Promise.reject(bodyTooLarge(limit));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        request.removeAllListeners("data");
        request.pause();
        reject(bodyTooLarge(limit));
      } else chunks.push(chunk);
    });
    request.on("end", () => {
      if (size === 0) resolve(undefined);
      else resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size));
    });
    request.on("error", reject);
    request.on("aborted", () => reject(new ClientGone()));
  });
}

/** The client went away in the middle of its request: nobody is left to answer. */
export class ClientGone extends Error {
  constructor() {
    super("the client closed the connection before its request was complete");
  }
}

const bodyTooLarge = (limit: number) => tooLarge(`Request entity too large: limit is ${limit}`);
