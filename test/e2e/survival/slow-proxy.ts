/** A second socket for an engine, on which every request arrives late. */
import { connect, createServer, type Server, type Socket } from "node:net";

/** @returns what closes it and its connections */
export async function slowProxy(socketPath: string, enginePath: string, delayMs: number): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const engine = connect({ path: enginePath, allowHalfOpen: true });
    for (const socket of [client, engine]) {
      sockets.add(socket);
      // What one side loses, the other is told of by its end.
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (data) => setTimeout(() => engine.write(data), delayMs));
    client.on("end", () => setTimeout(() => engine.end(), delayMs));
    engine.on("close", () => client.destroy());
    client.on("close", () => engine.destroy());
    engine.pipe(client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  return async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
}
