import type { Logger } from "pino";
import type { Lease, Node } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { leases } from "#api/refs.js";
import { isAlreadyExists, isConflict, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";

export const LEASE_NAMESPACE = "kube-node-lease";
const LEASE_SECONDS = 40;
const RENEW_MS = 10_000;
/** After a failure: soon enough for several tries before the lease runs out. */
const RETRY_MS = 2_000;

export interface NodeLeaseOptions {
  client: Client;
  nodeName: string;
  /** The Node as last seen; it owns the Lease. */
  node(): Node | undefined;
  clock: Clock;
  logger: Logger;
}

/** Tells the control plane every ten seconds that this node lives. https://kubernetes.io/docs/concepts/architecture/leases/ */
export function startNodeLease(options: NodeLeaseOptions): { stop(): void } {
  const { client, clock, logger } = options;
  let lease: Lease | undefined;
  let stopped = false;
  let cancel: () => void = () => undefined;

  const renew = async () => {
    lease = await (lease ? client.update(leases, renewed(lease, options)) : take(options));
  };
  const tick = () => {
    renew().then(
      () => next(RENEW_MS),
      (error) => {
        // Somebody else changed or removed it: read it again at once.
        const stale = lease !== undefined && (isConflict(error) || isNotFound(error));
        if (stale) lease = undefined;
        else logger.warn({ err: error }, "the node's lease was not renewed");
        next(stale ? 0 : RETRY_MS);
      },
    );
  };
  const next = (delay: number) => {
    if (!stopped) cancel = clock.after(delay, tick);
  };
  tick();
  return {
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}

async function take(options: NodeLeaseOptions): Promise<Lease> {
  const { client, nodeName } = options;
  const draft: Draft<Lease> = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: nodeName, namespace: LEASE_NAMESPACE, ownerReferences: owner(options) },
    spec: { holderIdentity: nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTime(options.clock.now()) },
  };
  try {
    return await client.create(leases, draft);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const known = await client.get(leases, nodeName, LEASE_NAMESPACE);
    return client.update(leases, renewed(known, options));
  }
}

function renewed(lease: Lease, options: NodeLeaseOptions): Lease {
  const ownerReferences = owner(options) ?? lease.metadata.ownerReferences;
  return {
    ...lease,
    metadata: { ...lease.metadata, ownerReferences },
    spec: {
      ...lease.spec,
      holderIdentity: options.nodeName,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: microTime(options.clock.now()),
    },
  };
}

function owner({ node, nodeName }: NodeLeaseOptions): Lease["metadata"]["ownerReferences"] {
  const uid = node()?.metadata.uid;
  return uid ? [{ apiVersion: "v1", kind: "Node", name: nodeName, uid }] : undefined;
}

/** RFC 3339 with six decimals, as `metav1.MicroTime` is written. */
const microTime = (ms: number) => new Date(ms).toISOString().replace("Z", "000Z");
