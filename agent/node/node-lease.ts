import type { Logger } from "pino";
import type { Lease, Node } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { leases } from "#api/refs.js";
import { isAlreadyExists, isConflict, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";

export const LEASE_NAMESPACE = "kube-node-lease";
const LEASE_SECONDS = 40;
/** A Lease is renewed four times while it lasts, and after a failure soon enough for several tries. */
const RENEWALS = 4;
const RETRY_MS = 2_000;

export interface NodeLeaseOptions {
  client: Client;
  nodeName: string;
  /** The Node as last seen; it owns the Lease. */
  node(): Node | undefined;
  /** leaseDurationSeconds. Default 40. */
  leaseSeconds?: number;
  /** Told when the Lease could be renewed after it could not. */
  onRecovered?(): void;
  clock: Clock;
  logger: Logger;
}

/**
 * Tells the control plane, every ten seconds for the usual Lease of 40, that this node lives.
 * https://kubernetes.io/docs/concepts/architecture/leases/
 */
export function startNodeLease({ leaseSeconds = LEASE_SECONDS, ...rest }: NodeLeaseOptions): { stop(): void } {
  const options = { ...rest, leaseSeconds };
  const { client, clock, logger } = options;
  const renewMs = (leaseSeconds * 1000) / RENEWALS;
  let lease: Lease | undefined;
  let stopped = false;
  let failing = false;
  let cancel: () => void = () => undefined;

  // On a connection that a broken link took along, an answer may not come before the Lease has run out.
  const renew = async () => {
    lease = await (lease ? client.update(leases, renewed(lease, options), { timeout: renewMs }) : take(options));
  };
  const tick = () => {
    renew().then(
      () => {
        if (failing) options.onRecovered?.();
        failing = false;
        next(renewMs);
      },
      (error) => {
        // Somebody else changed or removed it: read it again at once.
        const stale = lease !== undefined && (isConflict(error) || isNotFound(error));
        if (stale) lease = undefined;
        failing ||= !stale;
        if (!stale) logger.warn({ err: error }, "the node's lease was not renewed");
        next(stale ? 0 : Math.min(RETRY_MS, renewMs));
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

type Settled = NodeLeaseOptions & { leaseSeconds: number };

async function take(options: Settled): Promise<Lease> {
  const { client, nodeName, leaseSeconds } = options;
  const draft: Draft<Lease> = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: nodeName, namespace: LEASE_NAMESPACE, ownerReferences: owner(options) },
    spec: { holderIdentity: nodeName, leaseDurationSeconds: leaseSeconds, renewTime: microTime(options.clock.now()) },
  };
  try {
    return await client.create(leases, draft);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const known = await client.get(leases, nodeName, LEASE_NAMESPACE);
    return client.update(leases, renewed(known, options));
  }
}

function renewed(lease: Lease, options: Settled): Lease {
  const ownerReferences = owner(options) ?? lease.metadata.ownerReferences;
  return {
    ...lease,
    metadata: { ...lease.metadata, ownerReferences },
    spec: {
      ...lease.spec,
      holderIdentity: options.nodeName,
      leaseDurationSeconds: options.leaseSeconds,
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
