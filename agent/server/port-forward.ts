/** One forwarded connection, whatever protocol brought it: from the client's stream to a port inside the Pod's network. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { dialTrouble } from "./dial-troubles.js";
import type { PodDirectory } from "./pod-directory.js";

export interface ForwardTarget {
  pods: PodDirectory;
  namespace: string;
  pod: string;
  uid: string;
  logger: Logger;
}

/** After the Pod has ended a connection, so long the client may take to end it too. */
const LINGER_MS = 10_000;

/**
 * Joins the stream with a connection to the Pod's localhost. Resolves when there is nothing more to come from the Pod.
 * @throws Error when there is no connection, in upstream's words
 */
export async function forwardPort(target: ForwardTarget, port: number, stream: Duplex): Promise<void> {
  let socket: Socket;
  try {
    socket = await dial(target, port);
  } catch (error) {
    const where = `error forwarding port ${port} to pod ${target.pod}, uid ${target.uid}`;
    throw new Error(`${where}: ${error instanceof Error ? error.message : error}`);
  }
  await join(socket, stream, target.logger);
}

/** Servers that listen on the Pod's localhost only are reached too; those of IPv6 second. */
async function dial({ pods, namespace, pod }: ForwardTarget, port: number): Promise<Socket> {
  const netns = pods.networkNamespace(namespace, pod);
  if (!netns) throw new Error("sandbox container is not running");
  // With the first connection comes the library that calls the kernel.
  const { dialLoopback } = await import("../network/netns-socket.js");
  const failed = (error: NodeJS.ErrnoException) => dialTrouble(error);
  const first = await dialLoopback({ netns, family: 4, port }).catch(failed);
  if (typeof first !== "string") return first;
  const second = await dialLoopback({ netns, family: 6, port }).catch(failed);
  if (typeof second !== "string") return second;
  const reasons = `IPv4: dial tcp4 127.0.0.1:${port}: ${first} IPv6: dial tcp6 [::1]:${port}: ${second}`;
  throw new Error(`failed to connect to localhost:${port} inside namespace "${netns}", ${reasons}`);
}

function join(socket: Socket, stream: Duplex, logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    stream.pipe(socket);
    socket.pipe(stream);
    // The server cut the connection: so it is for the client. It is no failure of the forwarding, and kubectl would end the
    // whole session over a word on the error stream.
    socket.once("error", (error) => {
      logger.debug({ err: error }, "forwarded connection broke");
      stream.destroy();
    });
    socket.once("end", () => {
      endSoon(stream);
      resolve();
    });
    socket.once("close", () => resolve());
    // What the client has sent still goes to the server; what it has given up does not.
    stream.once("close", () => (stream.readableEnded ? socket.destroySoon() : socket.destroy()));
    if (stream.destroyed) socket.destroy();
  });
}

/** Ends our half, and the whole when the client does not end its own in time. */
export function endSoon(stream: Duplex): void {
  stream.end();
  const timer = setTimeout(() => stream.destroy(), LINGER_MS).unref();
  stream.once("close", () => clearTimeout(timer));
}
