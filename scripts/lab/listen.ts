import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** A socket that listens on the host's own 127.0.0.1. @throws Error with code EADDRINUSE when somebody has the port */
export async function listenOn(port: number): Promise<Server> {
  const listener = createServer().listen(port, "127.0.0.1");
  await once(listener, "listening");
  return listener;
}

export const isPortTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EADDRINUSE";
