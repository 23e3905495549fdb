import type { Logger } from "pino";
import type { Clock } from "#client/clock.js";
import { requestIdentity } from "./join-request.js";
import { type NodeIdentity, saveIdentity, validity } from "./node-identity.js";

export interface RenewalOptions {
  identity: NodeIdentity;
  server: string;
  machineId: string;
  folder: string;
  clock: Clock;
  logger: Logger;
  /** The new identity is on disk when this is called. */
  onRenewed(identity: NodeIdentity): void;
}

/** Timers longer than about 24 days overflow, and a suspended laptop sleeps through them: look again twice a day. */
const LONGEST_WAIT_MS = 12 * 3_600_000;
const RETRY_MS = 5 * 60_000;
/** Also between two renewals: to a node whose clock is far ahead every certificate looks old. */
const SHORTEST_WAIT_MS = 60_000;
/** Share of a certificate's life after which it is replaced. */
const RENEW_AFTER = 0.7;

/** Replaces both certificates well before they end, with keys of their own. A failure is logged and tried again. */
export function startRenewal(options: RenewalOptions): { stop(): void } {
  let { identity } = options;
  const { clock, logger } = options;
  let stopped = false;
  let cancel: () => void = () => undefined;

  const after = (delay: number) => {
    if (!stopped) cancel = clock.after(delay, check);
  };
  const schedule = (least = 0) => after(Math.min(Math.max(renewAt(identity) - clock.now(), least), LONGEST_WAIT_MS));
  const check = () => {
    if (clock.now() < renewAt(identity)) return schedule();
    renew().then(
      () => schedule(SHORTEST_WAIT_MS),
      (error) => {
        logger.error({ err: error }, "the node's certificates were not renewed; trying again in 5 minutes");
        after(RETRY_MS);
      },
    );
  };
  const renew = async () => {
    const { server, machineId, folder } = options;
    const door = { server, ca: identity.ca, credential: { client: identity.client } };
    identity = await requestIdentity(door, { ...identity, machineId });
    saveIdentity(folder, identity);
    logger.info({ ends: new Date(validity(identity).ends).toISOString() }, "renewed the node's certificates");
    options.onRenewed(identity);
  };

  schedule();
  return {
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}

function renewAt(identity: NodeIdentity): number {
  const { ends, lifetime } = validity(identity);
  return ends - lifetime * (1 - RENEW_AFTER);
}
