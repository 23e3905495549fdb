import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Answerer } from "./answerer.js";

const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 256;
/** A query is a name and a little more; who announces more than this is not asking one. */
const MAX_QUERY = 4096;
/** Answers that a client does not fetch are not kept for it without end. */
const MAX_UNSENT = 1 << 20;
/** Questions of one connection that wait for others' answers. */
const MAX_WAITING = 64;

/** Answers connections at one address: several questions each, answered as they are known. RFC 7766. */
export async function listenTcp(
  answerer: Answerer,
  address: string,
  port: number,
  onError: (error: Error) => void,
): Promise<Server> {
  const server = createServer((socket) => serve(socket, answerer, onError));
  server.maxConnections = MAX_CONNECTIONS;
  server.listen({ host: address, port, exclusive: true });
  await once(server, "listening");
  return server.on("error", onError);
}

function serve(socket: Socket, answerer: Answerer, onError: (error: Error) => void): void {
  let received = Buffer.alloc(0);
  let waiting = 0;
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  // A client that breaks off has had what it wanted.
  socket.on("error", () => socket.destroy());
  const send = (reply: Buffer) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(reply.length);
    if (socket.writable) socket.write(Buffer.concat([length, reply]));
  };
  const answerOne = (message: Buffer) => {
    const reply = answerer.answer(message, "tcp");
    if (!reply) return socket.destroy();
    if (!(reply instanceof Promise)) return send(reply);
    waiting++;
    reply
      .then(send)
      .catch(onError)
      .finally(() => waiting--);
  };
  socket.on("data", (chunk) => {
    received = received.length > 0 ? Buffer.concat([received, chunk]) : chunk;
    while (received.length >= 2 && !socket.destroyed) {
      const length = received.readUInt16BE(0);
      if (length > MAX_QUERY || waiting >= MAX_WAITING || socket.writableLength > MAX_UNSENT) return socket.destroy();
      if (received.length < 2 + length) return;
      answerOne(received.subarray(2, 2 + length));
      received = received.subarray(2 + length);
    }
  });
}
