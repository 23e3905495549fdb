import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { LogStream, Runtime } from "../runtime/runtime.js";
import { TimeStripper } from "./log-lines.js";
import type { PodLogOptions } from "./log-options.js";

/**
 * Writes a container's log as the answer, slowed down to the client's pace. Ends when the log does (with `follow`: when the
 * container does), at the byte limit, or when the client goes; the engine's stream is closed in each case.
 */
export async function sendContainerLog(
  runtime: Runtime,
  containerId: string,
  options: PodLogOptions,
  response: ServerResponse,
): Promise<void> {
  const log = await runtime.logs(containerId, {
    follow: options.follow,
    tail: options.tailLines,
    since: options.since,
  });
  const gone = new AbortController();
  response.once("close", () => {
    gone.abort();
    log.close();
    log.output.destroy();
  });
  response.writeHead(200, { "content-type": "text/plain", "cache-control": "no-store" });
  response.flushHeaders();
  try {
    await copy(log, options, response, gone.signal);
    response.end();
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    log.close();
  }
}

async function copy(
  log: LogStream,
  options: PodLogOptions,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const stripper = options.timestamps ? undefined : new TimeStripper();
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const chunk of log.output as AsyncIterable<Buffer>) {
    const text = stripper ? stripper.strip(chunk) : chunk;
    const piece = text.length > left ? text.subarray(0, left) : text;
    left -= piece.length;
    if (piece.length > 0 && !response.write(piece)) await once(response, "drain", { signal: gone });
    if (left <= 0) return;
  }
}
