/** Waiting for what was started, or for the word of why it does not start. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { loadIdentity } from "#agent/join/node-identity.js";
import { leases, nodes } from "#api/refs.js";
import { readKubeconfig } from "#client/kubeconfig.js";
import { RestClient } from "#client/rest.js";
import { AGENT_DATA, KUBECONFIG, type Part } from "./paths.js";

const PATIENCE_MS = 90_000;
const userAgent = "berth-install";

/**
 * Polls `check` until it yields something.
 * @param log of the service since it was started
 * @throws Error with the service's own last word when it ends instead, or is too slow
 */
async function until<T>(part: Part, log: () => Promise<string>, check: () => Promise<T | undefined>): Promise<T> {
  let failure = "";
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = await check().catch((error: Error) => {
      failure = error.message; // not there yet is how all of this begins
      return undefined;
    });
    if (value !== undefined) return value;
    const text = await log();
    // What `berth` prints when it gives up.
    const end = text.match(new RegExp(`^berth ${part}: (?!ready in|kubeconfig:)(.*)$`, "m"))?.[1];
    if (end) throw new Error(end);
    if (performance.now() > deadline)
      throw new Error(
        `not within ${PATIENCE_MS / 1000} s: ${failure}\n${text.trim().split("\n").slice(-10).join("\n")}`,
      );
    await sleep(200);
  }
}

export function serverReady(log: () => Promise<string>): Promise<true> {
  return until("server", log, async () => {
    if (!existsSync(KUBECONFIG)) return undefined;
    await new RestClient({ ...readKubeconfig(KUBECONFIG), userAgent }).list(nodes);
    return true;
  });
}

/**
 * Asks as the node itself, which knows no more than its own Node and Lease.
 * @param since ms since the epoch: what the server says may be from before the agent was started again
 * @returns the node's name
 */
export function nodeReady(server: string, since: number, log: () => Promise<string>): Promise<string> {
  return until("agent", log, async () => {
    const identity = loadIdentity(AGENT_DATA);
    if (!identity) return undefined;
    const { nodeName, ca, client: own } = identity;
    const client = new RestClient({ server, ca, ...own, userAgent });
    const lease = await client.get(leases, nodeName, "kube-node-lease");
    if (Date.parse(lease.spec?.renewTime ?? "") < since) return undefined;
    const node = await client.get(nodes, nodeName);
    const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
    return ready?.status === "True" ? nodeName : undefined;
  });
}
