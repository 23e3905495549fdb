import type { Pod, PodPeer, PodPeerPort } from "#api/generated/types.js";
import { isPodTerminal } from "#api/pod-state.js";
import { podPeers, pods } from "#api/refs.js";
import { ageColumn, nameColumn } from "./columns.js";
import type { Kind } from "./kind.js";

/**
 * What network policy needs to know of every Pod: labels, addresses, named ports. Nodes may read it for all Pods, while of
 * Pods themselves, whose environment may hold secrets, a node sees its own alone.
 */
export const podPeer: Kind<PodPeer> = {
  ...podPeers,
  singular: "podpeer",
  schema: "PodPeer",
  nameRule: "dns-subdomain",
  view: { of: pods, project: peerOf },
  columns: [
    nameColumn,
    {
      name: "Addresses",
      type: "string",
      description: "Where the pod is on the network.",
      value: ({ addresses = [] }) => addresses.join(",") || "<none>",
    },
    ageColumn,
  ],
};

export function peerOf({ metadata, spec, status }: Pod) {
  const { name, namespace, uid, creationTimestamp, labels } = metadata;
  const peer: Omit<PodPeer, "apiVersion" | "kind"> = {
    metadata: { name, namespace, uid, creationTimestamp, labels } as PodPeer["metadata"],
  };
  const ports = namedPorts(spec);
  if (ports.length > 0) peer.ports = ports;
  // The addresses of a Pod that has ended are free for the next one; those of its node are no Pod's.
  const unaddressed = spec.hostNetwork === true || isPodTerminal({ metadata, spec, status });
  const addresses = unaddressed ? [] : (status?.podIPs ?? []).map(({ ip }) => ip);
  if (addresses.length > 0) peer.addresses = addresses;
  return peer;
}

function namedPorts({ containers, initContainers = [] }: Pod["spec"]): PodPeerPort[] {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  const ports = [...containers, ...sidecars].flatMap((container) => container.ports ?? []);
  return ports.flatMap(({ name, containerPort, protocol = "TCP" }) =>
    name ? [{ name, port: containerPort, protocol }] : [],
  );
}
