/** Connections to kubelets: with the API server's client certificate, and only to a kubelet our authority vouches for. */
import { type IncomingMessage, request as plainRequest } from "node:http";
import { Agent, request } from "node:https";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { StatusError } from "#api/status-error.js";
import type { KeyPair } from "../pki/certificate.js";
import type { KubeletAddress } from "./kubelet-target.js";

const CONNECT_TIMEOUT_MS = 10_000;
const TROUBLES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "the connection timed out",
  ECONNRESET: "the connection was cut",
};

export class KubeletConnections {
  readonly #agent: Agent;
  readonly #tls;

  constructor(client: KeyPair, authority: string) {
    this.#tls = { ca: authority, cert: client.certificate, key: client.key, minVersion: "TLSv1.2" as const };
    this.#agent = new Agent({ ...this.#tls, keepAlive: true, maxFreeSockets: 4, timeout: 60_000 });
  }

  /** The head of the answer has come when this resolves. @throws StatusError when the kubelet cannot be reached */
  get(address: KubeletAddress, path: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: address.host, port: address.port, path, method: "GET", agent: this.#agent });
      const timer = setTimeout(() => outgoing.destroy(timeout()), CONNECT_TIMEOUT_MS);
      outgoing.on("response", (response) => {
        clearTimeout(timer);
        response.socket.setTimeout(0);
        resolve(response);
      });
      outgoing.on("error", (error) => {
        clearTimeout(timer);
        reject(unreachable(address, error));
      });
      outgoing.end();
    });
  }

  /** A connection of its own, for a stream. @throws StatusError */
  dial(address: KubeletAddress): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const { host, port } = address;
      const options = { ...this.#tls, host, port, allowHalfOpen: true, ALPNProtocols: ["http/1.1"] };
      const socket = connect(options).setNoDelay();
      const fail = (error: Error) => {
        socket.destroy();
        reject(unreachable(address, error));
      };
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(timeout()));
      socket.once("error", fail);
      socket.once("secureConnect", () => {
        socket.setTimeout(0);
        socket.removeAllListeners("timeout");
        socket.off("error", fail);
        resolve(socket);
      });
    });
  }

  /**
   * A connection to an address and port on that node, or of a Pod there.
   * @throws StatusError when the kubelet cannot be reached; the kubelet's own when it cannot reach what is meant
   */
  async tunnel(kubelet: KubeletAddress, to: string): Promise<Duplex> {
    const connection = await this.dial(kubelet);
    return new Promise((resolve, reject) => {
      const options = { method: "CONNECT", path: to, headers: { Host: to }, createConnection: () => connection };
      const outgoing = plainRequest(options);
      outgoing.on("connect", (answer, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        if (answer.statusCode === 200) resolve(socket);
        else refusal(socket).then(reject, reject);
      });
      outgoing.on("error", (error) => reject(unreachable(kubelet, error)));
      outgoing.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

const timeout = () => Object.assign(new Error("timed out"), { code: "ETIMEDOUT" });

function unreachable({ nodeName, host, port }: KubeletAddress, error: NodeJS.ErrnoException): StatusError {
  const why = TROUBLES[error.code ?? ""] ?? error.message;
  const message = `cannot reach the kubelet of node "${nodeName}" at ${host}:${port}: ${why}`;
  return new StatusError(502, "BadGateway", message);
}

async function refusal(socket: Duplex): Promise<StatusError> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return StatusError.fromStatus(JSON.parse(Buffer.concat(chunks).toString()));
}
