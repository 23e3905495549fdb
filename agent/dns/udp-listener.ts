import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Answerer } from "./answerer.js";

/** Asked of the kernel, which may give less: a burst waits there, not in the clients' time-outs. */
const BUFFER_BYTES = 4 << 20;

/** Answers datagrams at one address. Resolves when they are received. @throws Error when the address cannot be used */
export async function listenUdp(
  answerer: Answerer,
  address: string,
  port: number,
  onError: (error: Error) => void,
): Promise<Socket> {
  const family = isIPv6(address) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? "udp6" : "udp4",
    // Clients are known by their addresses: nothing to look up, and no turn of the event loop for it.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address, port, exclusive: true }, resolve);
  }).catch((error) => {
    socket.close();
    throw error;
  });
  socket.removeAllListeners("error").on("error", onError);
  socket.setRecvBufferSize(BUFFER_BYTES);
  // Who asked may be gone when the answer is sent: nobody is left to tell.
  const send = (reply: Buffer, toPort: number, to: string) => socket.send(reply, toPort, to, () => undefined);
  socket.on("message", (message, from) => {
    // No answer can be sent there.
    if (from.port === 0) return;
    const reply = answerer.answer(message, "udp");
    if (reply instanceof Promise) reply.then((bytes) => send(bytes, from.port, from.address)).catch(onError);
    else if (reply) send(reply, from.port, from.address);
  });
  return socket;
}
