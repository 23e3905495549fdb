/**
 * Port-forward over the channel protocol, as client libraries speak it: for the n-th of the ports asked for, channel 2n is a
 * connection and channel 2n+1 its errors, both opened with the port's number (16 bit, little endian). One connection a port.
 */
import { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { badRequest } from "#api/status-error.js";
import { type ChannelProtocol, decodeFrame, encodeFrame } from "./channel-protocol.js";
import { type ForwardTarget, forwardPort } from "./port-forward.js";

const BUFFER = 256 * 1024;
const PING_MS = 30_000;

/** @throws StatusError 400 in upstream's words */
export function parsePorts(query: URLSearchParams): number[] {
  const values = query.getAll("port");
  if (values.length === 0) throw badRequest('query parameter "port" is required');
  return values
    .flatMap((value) => value.split(","))
    .map((text) => {
      const port = Number(text);
      if (!/^\d+$/.test(text) || port < 1 || port > 65535) throw badRequest(`unable to parse "${text}" as a port`);
      return port;
    });
}

/** Resolves when every connection has ended; the socket is closed then. */
export async function forwardChannels(
  target: ForwardTarget,
  ports: readonly number[],
  socket: WebSocket,
  protocol: ChannelProtocol,
): Promise<void> {
  const ping = setInterval(() => socket.ping(), PING_MS);
  const send = (channel: number, data: Buffer) =>
    new Promise<void>((resolve, reject) => {
      socket.send(encodeFrame(protocol, channel, data), (error) => (error ? reject(error) : resolve()));
    });
  const connections = ports.map((_, n) => new ChannelConnection(socket, (data) => send(2 * n, data)));
  socket.on("message", (raw: RawData) => {
    const frame = decodeFrame(protocol, raw as Buffer);
    if (frame && frame.id % 2 === 0) connections[frame.id / 2]?.receive(frame.data);
  });
  socket.on("error", () => socket.terminate());
  socket.once("close", () => {
    clearInterval(ping);
    for (const connection of connections) connection.destroy();
  });
  await Promise.all(
    ports.map(async (port, n) => {
      const number = Buffer.from([port & 0xff, port >> 8]);
      await send(2 * n, number);
      await send(2 * n + 1, number);
      const connection = connections[n]!;
      await forwardPort(target, port, connection).then(
        () => connection.sent,
        (error: Error) => send(2 * n + 1, Buffer.from(error.message)),
      );
    }),
  );
  socket.close(1000);
}

/** One channel as a stream. The protocol has no word for the end of one direction: the socket closes with the last. */
class ChannelConnection extends Duplex {
  /** Resolves when all that was written is on its way. */
  readonly sent: Promise<void>;

  constructor(
    private readonly socket: WebSocket,
    private readonly send: (data: Buffer) => Promise<void>,
  ) {
    super({ readableHighWaterMark: BUFFER });
    this.sent = new Promise((resolve) => this.once("finish", resolve).once("close", resolve));
    this.on("error", () => undefined);
  }

  receive(data: Buffer): void {
    if (!this.destroyed && !this.push(data)) this.socket.pause();
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.send(chunk).then(() => done(), done);
  }
}
