/** What the agent's main thread and the server's thread say to one another. */
import type { Server } from "./exchange.js";
import type { ZonePart } from "./record.js";

/** The thread's `workerData`. */
export interface WorkerSettings {
  address: string;
  port: number;
  domain: string;
  ranges: readonly string[];
}

export type ToWorker =
  | { do: "change"; set: readonly ZonePart[]; remove: readonly string[] }
  /** All that was there at the start has been sent. */
  | { do: "zone-known" }
  | { do: "ask"; servers: readonly Server[] };

export type FromWorker =
  | { event: "listening" }
  /** It goes on trying. */
  | { event: "cannot-listen"; message: string }
  /** The kernel gives the thread no more of the processor than any other. */
  | { event: "unhurried"; message: string }
  | { event: "error"; message: string }
  | { event: "loop"; server: Server };
