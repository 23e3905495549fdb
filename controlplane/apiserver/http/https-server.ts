/**
 * The socket side: TLS with optional client certificates, HTTP/1.1, one Express application with one catch-all. Client
 * certificates are asked for and never rejected here: what a bad one means is for `identify` to say.
 */
import { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo, Server as Listener, Socket } from "node:net";
import type { Duplex } from "node:stream";
import express, { type Express } from "express";
import type { KeyPair } from "../pki/certificate.js";

export interface HttpsServerOptions {
  readonly serving: KeyPair;
  /** PEM; client certificates are checked against it. */
  readonly clientAuthority: string;
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface HttpsServer {
  readonly port: number;
  /** Serves the connections of another listener too: one that somebody else has opened, in another network namespace. */
  adopt(listener: Listener): void;
  /** New connections see the new certificate. */
  useCertificate(serving: KeyPair): void;
  /** Stops listening, lets answers in progress finish for up to `grace` ms, then cuts what is left (watches). */
  close(grace?: number): Promise<void>;
}

const KEEP_ALIVE_MS = 120_000;
const MAX_HEADERS = 64 * 1024;

export function expressApp(serve: HttpsServerOptions["serve"]): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use((request, response) => void serve(request, response));
  return app;
}

/** @throws Error when the address is taken or not ours, saying so */
export async function listen(options: HttpsServerOptions, address: string, port: number): Promise<HttpsServer> {
  const app = expressApp(options.serve);
  const server = createServer({ ...tlsOptions(options), ...messageClasses(app) }, app);
  server.on("upgrade", options.upgrade);
  const sockets = trackSockets(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(explain(error, address, port)));
    server.listen({ host: address, port, backlog: 1024 }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    adopt(listener) {
      // What the server's own listener would do: an answer in two writes must not wait for the first to be acknowledged.
      listener.on("connection", (socket) => server.emit("connection", socket.setNoDelay()));
      server.once("close", () => listener.close());
    },
    useCertificate: ({ certificate, key }) =>
      server.setSecureContext(tlsOptions({ ...options, serving: { certificate, key } })),
    close: (grace = 1000) => close(server, sockets, grace),
  };
}

function tlsOptions({ serving, clientAuthority }: HttpsServerOptions): ServerOptions {
  return {
    // With the authority behind it: a host that joins finds it there and checks it against the hash in its token.
    cert: serving.certificate + clientAuthority,
    key: serving.key,
    ca: clientAuthority,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: KEEP_ALIVE_MS + 10_000,
    maxHeaderSize: MAX_HEADERS,
    // Watches and logs take as long as they take; slow senders are bounded by headersTimeout and the size of a body.
    requestTimeout: 0,
    noDelay: true,
  };
}

/**
 * Express replaces the prototype of every request and response, which costs V8 its fast paths. Messages that have the
 * wanted prototype from the start spare that. They are made by real classes, since only for those V8 reserves the room
 * Node's constructors need: a response from a plain function took 1.7 µs to make, this one 0.4.
 */
function messageClasses(app: Express): Pick<ServerOptions, "IncomingMessage" | "ServerResponse"> {
  class Request extends IncomingMessage {}
  class Response extends ServerResponse {}
  Object.setPrototypeOf(Request.prototype, app.request);
  Object.setPrototypeOf(Response.prototype, app.response);
  Object.assign(app, { request: Request.prototype, response: Response.prototype });
  return { IncomingMessage: Request, ServerResponse: Response as typeof ServerResponse };
}

function trackSockets(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  // A handshake that fails, or a client that sends no HTTP, concerns nobody but that client.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return sockets;
}

async function close(server: Server, sockets: ReadonlySet<Socket>, grace: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, grace);
  await closed;
  clearTimeout(timer);
}

function explain(error: NodeJS.ErrnoException, address: string, port: number): Error {
  if (error.code === "EADDRINUSE") {
    return new Error(`port ${port} is taken: stop what listens on it, or choose another with --port`);
  }
  if (error.code === "EADDRNOTAVAIL")
    return new Error(`${address} is not an address of this host: change --bind-address`);
  if (error.code === "EACCES")
    return new Error(`not allowed to listen on port ${port}: run as root, or choose one above 1023`);
  return error;
}
