/** Port-forward over SPDY: each connection is two streams with one requestID, "error" and "data". */
import type { Duplex } from "node:stream";
import { endSoon, type ForwardTarget, forwardPort } from "../port-forward.js";
import { SpdySession } from "./session.js";
import type { SpdyStream } from "./stream.js";

interface Pair {
  error?: SpdyStream;
  data?: SpdyStream;
  timer: NodeJS.Timeout;
}

const PAIR_TIMEOUT_MS = 30_000;

/** Forwards until the client closes the connection; a target that refuses ends only its own pair of streams. */
export function servePortForward(connection: Duplex, target: ForwardTarget): void {
  const pairs = new Map<string, Pair>();
  const session = new SpdySession(connection, (stream) => {
    const problem = wrong(stream);
    if (problem) {
      target.logger.debug({ problem, headers: stream.headers }, "port-forward stream refused");
      return stream.refuse();
    }
    stream.reply();
    const type = stream.headers["streamtype"] as "error" | "data";
    const id = requestId(stream);
    const pair = pairs.get(id) ?? waitingPair(pairs, id);
    if (pair[type]) {
      const message = `error processing stream for request ${id}: ${type} stream already assigned`;
      pair.error?.end(message);
      return stream.destroy();
    }
    pair[type] = stream;
    if (!pair.error || !pair.data) return;
    clearTimeout(pair.timer);
    pairs.delete(id);
    void forward(target, pair.error, pair.data);
  });
  session.whenClosed(() => {
    for (const { timer } of pairs.values()) clearTimeout(timer);
  });
}

function waitingPair(pairs: Map<string, Pair>, id: string): Pair {
  const timer = setTimeout(() => {
    pairs.delete(id);
    pair.error?.end(`(request=${id}) timed out waiting for streams`);
    pair.data?.destroy();
  }, PAIR_TIMEOUT_MS);
  const pair: Pair = { timer };
  pairs.set(id, pair);
  return pair;
}

async function forward(target: ForwardTarget, error: SpdyStream, data: SpdyStream): Promise<void> {
  // The client writes nothing to it, and ends its half.
  error.resume();
  try {
    await forwardPort(target, Number(data.headers["port"]), data);
    error.end();
  } catch (problem) {
    const { message } = problem as Error;
    target.logger.debug({ problem: message }, "port not forwarded");
    error.end(message);
    data.resume();
    endSoon(data);
  }
}

/** What is wrong with a new stream, if anything. */
function wrong({ headers }: SpdyStream): string | undefined {
  const { port = "", streamtype = "" } = headers;
  if (!port) return '"port" header is required';
  if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65535) return `unable to parse "${port}" as a port`;
  if (!streamtype) return '"streamType" header is required';
  return ["error", "data"].includes(streamtype) ? undefined : `invalid stream type "${streamtype}"`;
}

/** Clients older than the header open the error stream first, then, under the next number of theirs, the data stream. */
function requestId({ id, headers }: SpdyStream): string {
  return headers["requestid"] ?? String(headers["streamtype"] === "error" ? id : id - 2);
}
