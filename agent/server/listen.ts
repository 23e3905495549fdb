import type { Server } from "node:net";

/** Resolves once the server listens. @throws Error that says who may hold the port and which flag changes it */
export function listen(server: Server, port: number, host: string, flag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(explain(error, port, host, flag)));
    server.listen(port, host, resolve);
  });
}

function explain(error: NodeJS.ErrnoException, port: number, host: string, flag: string): Error {
  if (error.code === "EADDRINUSE") {
    const who = "another process (another berth agent or a kubelet?)";
    return new Error(`port ${port} of ${host} is taken by ${who}: stop it, or choose another port with ${flag}`);
  }
  if (error.code === "EADDRNOTAVAIL") {
    return new Error(`${host} is not an address of this host: name one with --node-ip or --interface`);
  }
  return error;
}
