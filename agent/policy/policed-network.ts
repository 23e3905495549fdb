/** The Pod network with policies in force before a Pod is said to be on it: no container of it has started until then. */
import type { Logger } from "pino";
import type { OpenNetwork } from "#agent/network/index.js";
import type { PodNetwork } from "#agent/network/network.js";
import type { NetworkRanges } from "#agent/network/plan.js";
import type { Node } from "#api/generated/types.js";
import type { Client } from "#client/client.js";
import type { EventRecorder } from "#client/event-recorder.js";
import { type Policy, startPolicy } from "./index.js";
import { familyOf } from "./pod-groups.js";

export interface PoliceOptions {
  client: Client;
  cluster: NetworkRanges;
  /** The node's own object, for Events about it. */
  node(): Node | undefined;
  recorder: EventRecorder;
  logger: Logger;
}

/** Starts to enforce policies on a node's network. Stopping it leaves the rules in force. */
export function policeNetwork(
  { network, attached }: Pick<OpenNetwork, "network" | "attached">,
  { client, cluster, node, recorder, logger }: PoliceOptions,
): { network: PodNetwork; stop(): Promise<void> } {
  const policy = startPolicy({
    client,
    families: [...new Set(cluster.podCIDRs.map(familyOf))],
    attachedPods: attached,
    logger,
    onFailure: ({ message }) => {
      const about = node();
      if (about) recorder.event(about, "Warning", "NetworkPolicyNotEnforced", message);
    },
  });
  return { network: policedNetwork(network, policy), stop: () => policy.stop() };
}

function policedNetwork(network: PodNetwork, policy: Policy): PodNetwork {
  const thenRelease = (work: Promise<void>) => work.finally(() => policy.released());
  return {
    async attach(pod) {
      const status = await network.attach(pod);
      await policy.protect(pod);
      return status;
    },
    detach: (pod) => thenRelease(network.detach(pod)),
    collect: (livingSandboxIds) => thenRelease(network.collect(livingSandboxIds)),
    problem: () => network.problem(),
  };
}
