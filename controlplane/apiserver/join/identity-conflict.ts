/**
 * Cloned machines come with one name or one address (Vagrant gives every VM 10.0.2.15): the second is refused here,
 * before it can take the first one's Pods.
 */
import type { JoinRequest } from "#api/join.js";
import { nodes } from "#api/refs.js";
import { StatusError } from "#api/status-error.js";
import type { ClusterReader } from "../cluster-reader.js";

/** A join is remembered until the host has had time to register its Node. */
const REMEMBERED_MS = 120_000;

interface Claim {
  readonly name: string;
  readonly machineId: string;
  readonly addresses: readonly string[];
}

export class NodeIdentities {
  readonly #recent = new Map<string, Claim & { until: number }>();

  constructor(private readonly reader: ClusterReader) {}

  /**
   * Reserves name and addresses for the machine.
   * @param now milliseconds since the epoch
   * @throws StatusError 409 that names the other machine
   */
  claim({ nodeName, machineId, addresses }: JoinRequest, now: number): void {
    for (const other of this.#claims(now)) {
      if (other.machineId === machineId) continue;
      if (other.name === nodeName) {
        throw inConflict(
          `a node named "${nodeName}" already exists on another machine (machine id ${other.machineId}, this one is ` +
            `${machineId}): choose another name with --node-name, or run \`kubectl delete node ${nodeName}\` if that machine is gone`,
        );
      }
      const shared = addresses.find((address) => other.addresses.includes(address));
      if (shared) {
        throw inConflict(
          `node "${other.name}" on another machine (machine id ${other.machineId}, this one is ${machineId}) already has ` +
            `the address ${shared}: choose this node's own address with --node-ip or --interface`,
        );
      }
    }
    this.#recent.set(nodeName, { name: nodeName, machineId, addresses, until: now + REMEMBERED_MS });
  }

  *#claims(now: number): Iterable<Claim> {
    for (const node of this.reader.list(nodes)) {
      const { nodeInfo, addresses = [] } = node.status ?? {};
      if (!nodeInfo?.machineID) continue;
      const own = addresses.filter(({ type }) => type === "InternalIP").map(({ address }) => address);
      yield { name: node.metadata.name, machineId: nodeInfo.machineID, addresses: own };
    }
    for (const [name, claim] of this.#recent) {
      if (claim.until < now) this.#recent.delete(name);
      // The Node, once there, is the better witness: it may have been deleted to make room.
      else if (!this.reader.get(nodes, name)) yield claim;
    }
  }
}

function inConflict(message: string): StatusError {
  return new StatusError(409, "Conflict", message);
}
