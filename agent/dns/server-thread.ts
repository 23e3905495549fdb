/** Keeps the server's thread running: one that dies is followed by another, which is told everything again. */
import { Worker } from "node:worker_threads";
import type { Logger } from "pino";
import type { FromWorker, ToWorker, WorkerSettings } from "./worker-messages.js";

export interface ServerThreadOptions {
  settings: WorkerSettings;
  logger: Logger;
  /** Each thread that begins knows nothing yet. */
  onStart(post: (message: ToWorker) => void): void;
  /** What a person should know of, in words for an Event. */
  say(reason: string, message: string): void;
}

const RESTART_MS = 500;
/** Beyond it the thread ends and another begins: names and answers for the largest cluster fit in a fraction. */
const MAX_HEAP_MB = 256;
/** Almost all that the thread makes is dead when its answer is sent. */
const YOUNG_MB = 2;

export class ServerThread {
  /** Resolves when questions are answered for the first time. */
  readonly listening: Promise<void>;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #markListening: () => void = () => undefined;

  constructor(private readonly options: ServerThreadOptions) {
    this.listening = new Promise((resolve) => {
      this.#markListening = resolve;
    });
    this.#start();
  }

  post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): void {
    const { settings, logger, onStart } = this.options;
    const worker = new Worker(new URL("./worker.js", import.meta.url), {
      workerData: settings,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker = worker;
    worker.on("message", (message: FromWorker) => this.#heard(message));
    worker.on("error", (error) => logger.error({ err: error }, "the DNS server's thread failed"));
    worker.on("exit", () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#timer = setTimeout(() => this.#start(), RESTART_MS);
    });
    onStart((message) => worker.postMessage(message));
  }

  #heard(message: FromWorker): void {
    const { logger, say, settings } = this.options;
    const at = `${settings.address}:${settings.port}`;
    if (message.event === "listening") {
      logger.info({ at }, "cluster DNS answers");
      this.#markListening();
    } else if (message.event === "unhurried") logger.info({ why: message.message }, "cluster DNS has no priority");
    else if (message.event === "cannot-listen")
      logger.warn({ at, why: message.message }, "cluster DNS cannot listen yet");
    else if (message.event === "error")
      logger.error({ at, why: message.message }, "cluster DNS failed at one question");
    else {
      const { address } = message.server;
      const text = `Name server ${address} of this node asks the cluster's DNS for what the cluster's DNS asks it: it is left out. Correct the node's /etc/resolv.conf or that server.`;
      logger.error(text);
      say("DNSLoop", text);
    }
  }
}
