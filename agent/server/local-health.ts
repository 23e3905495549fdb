import { createServer } from "node:http";
import { listen } from "./listen.js";

/** Plain `/healthz` for this host alone: 200 "ok", or 500 with what is wrong. */
export async function startLocalHealth(
  port: number,
  problem: () => string | undefined,
): Promise<{ stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const known = request.method === "GET" && request.url?.split("?")[0] === "/healthz";
    const wrong = known ? problem() : undefined;
    response.writeHead(known ? (wrong ? 500 : 200) : 404, { "content-type": "text/plain" });
    response.end(known ? (wrong ?? "ok") : "not found");
  });
  await listen(server, port, "127.0.0.1", "--healthz-port");
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
