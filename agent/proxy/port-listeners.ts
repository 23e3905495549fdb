/** Listening sockets that come and go with what Services ask for: one for each port, whoever wants it at the time. */
import type { Server, Socket } from "node:net";

export interface PortListenersOptions<T> {
  host: string;
  /** Makes a server that is not listening yet. @param value what its port is wanted for, as of now */
  create(value: () => T): Server;
  /** Told when a port cannot be had; it is tried again for as long as it is wanted. */
  onError(owner: string, port: number, error: Error): void;
  retryMillis?: number;
}

interface Wanted<T> {
  owner: string;
  value: T;
  server: Server;
  retry?: NodeJS.Timeout;
}

export class PortListeners<T> {
  readonly #wanted = new Map<number, Wanted<T>>();
  readonly #sockets = new Set<Socket>();

  constructor(private readonly options: PortListenersOptions<T>) {}

  /** All ports that `owner` wants from now on. A port that another one had is handed over without being closed. */
  want(owner: string, ports: ReadonlyMap<number, T>): void {
    for (const [port, wanted] of this.#wanted)
      if (wanted.owner === owner && !ports.has(port)) this.#close(port, wanted);
    for (const [port, value] of ports) {
      const known = this.#wanted.get(port);
      if (known) Object.assign(known, { owner, value });
      else this.#open(port, owner, value);
    }
  }

  /** Closes everything, open connections too. */
  stop(): void {
    for (const [port, wanted] of this.#wanted) this.#close(port, wanted);
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(port: number, owner: string, value: T): void {
    const { create, host, onError, retryMillis = 5000 } = this.options;
    const server = create(() => wanted.value);
    const wanted: Wanted<T> = { owner, value, server };
    this.#wanted.set(port, wanted);
    const listen = () => server.listen({ port, host, exclusive: true });
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.on("error", (error) => {
      if (this.#wanted.get(port) !== wanted) return;
      onError(wanted.owner, port, error);
      wanted.retry = setTimeout(listen, retryMillis).unref();
    });
    listen();
  }

  #close(port: number, { server, retry }: Wanted<T>): void {
    this.#wanted.delete(port);
    clearTimeout(retry);
    server.close();
  }
}
