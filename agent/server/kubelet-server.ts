import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { listen } from "./listen.js";
import { type Backend, routes } from "./routes.js";
import { tunnelHandler } from "./tunnel.js";
import { type StreamBackend, upgradeHandler } from "./upgrade.js";

/** All in PEM. */
export interface ServingCredentials {
  ca: string;
  certificate: string;
  key: string;
}

export interface KubeletServerOptions extends Backend, StreamBackend {
  host: string;
  /** 0 takes any free port. */
  port: number;
  credentials: ServingCredentials;
}

export interface KubeletServer {
  readonly port: number;
  /** For connections from now on; those that are open go on. */
  useCredentials(credentials: ServingCredentials): void;
  /** Ends open streams too. */
  stop(): Promise<void>;
}

/** The kubelet's HTTPS endpoint. Certificates are asked for but judged in the request chain, which can answer 401. */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const server = createServer(
    {
      ...tls(options.credentials),
      requestCert: true,
      rejectUnauthorized: false,
      maxHeaderSize: 64 * 1024,
      noDelay: true,
    },
    routes(options),
  );
  // Node ends a request that takes long to arrive; a log that is followed may take any time.
  server.requestTimeout = 0;
  server.on("upgrade", upgradeHandler(options));
  server.on("connect", tunnelHandler(options));
  server.on("tlsClientError", (error) => options.logger.debug({ err: error }, "TLS handshake failed"));
  await listen(server, options.port, options.host, "--kubelet-port");
  const sockets = new Set<{ destroy(): void }>();
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    port: (server.address() as AddressInfo).port,
    useCredentials: (credentials) => server.setSecureContext(tls(credentials)),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const tls = ({ ca, certificate, key }: ServingCredentials) => ({
  ca,
  cert: certificate,
  key,
  minVersion: "TLSv1.2" as const,
});
