/** Which plugins take part, in the order their filters are asked. A test compares with the folder. */
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import type { Plugin } from "../framework.js";
import type { NamespaceLabels } from "../pod-terms.js";
import type { Volumes } from "../volumes.js";
import { defaultBinder } from "./default-binder.js";
import { interPodAffinity } from "./inter-pod-affinity.js";
import { leastAllocated } from "./least-allocated.js";
import { nodeAffinity } from "./node-affinity.js";
import { nodeName } from "./node-name.js";
import { nodePorts } from "./node-ports.js";
import { nodeResourcesFit } from "./node-resources-fit.js";
import { nodeUnschedulable } from "./node-unschedulable.js";
import { ownerSpread } from "./owner-spread.js";
import { podTopologySpread } from "./pod-topology-spread.js";
import { taintToleration } from "./taint-toleration.js";
import { volumeBinding } from "./volume-binding.js";

/** What plugins look at besides Pods and nodes, and whom they talk to. */
export interface PluginTools {
  client: Client;
  clock: Clock;
  namespaceLabels: NamespaceLabels;
  volumes: Volumes;
}

export function plugins({ client, clock, namespaceLabels, volumes }: PluginTools): readonly Plugin[] {
  return [
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    volumeBinding(volumes, client, clock),
    podTopologySpread,
    interPodAffinity(namespaceLabels),
    leastAllocated,
    ownerSpread,
    defaultBinder(client),
  ];
}
