/**
 * NetworkPolicy on one node: follows policies, namespaces and the PodPeers of the whole cluster, and keeps the table
 * `inet berth-policy` as they say. At start the table of an earlier life is replaced in one transaction, once everything is
 * known: until then it goes on to be in force. Afterwards only what changed is touched.
 */
import type { Logger } from "pino";
import { latestOnly } from "#agent/network/latest-only.js";
import type { AttachedPod } from "#agent/network/network.js";
import { keyOf } from "#api/object.js";
import { namespaces, networkPolicies, podPeers } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import type { Client } from "#client/client.js";
import { startInformer } from "#client/informer.js";
import { nft, nftTableNames } from "#cni/lib/nft.js";
import { type Family, POLICY_TABLE } from "./layout.js";
import { PodGroups } from "./pod-groups.js";
import { change, replacement } from "./table-change.js";
import { type TableContent, tableContent } from "./table-content.js";

export interface PolicyOptions {
  client: Client;
  families: readonly Family[];
  /** The pods of this node on its network, from the moment they have an address. */
  attachedPods(): readonly AttachedPod[];
  logger: Logger;
  /** Told when the rules could not be put in force, and why; once for each reason, while it is tried again. */
  onFailure?(error: Error): void;
  /** How often it is looked whether somebody has removed the table. Default 15 s. */
  checkMillis?: number;
  /** How long {@link Policy.protect} waits for the API. Default 10 s. */
  patienceMillis?: number;
  /** Told after each transaction. */
  onApplied?(applied: { full: boolean; touched: number; millis: number }): void;
}

export interface Policy {
  /**
   * Resolves when the rules for a pod that has just got its addresses are in force.
   * @throws Error when that cannot be said: the pod must not run yet
   */
  protect(pod: PodIdentity): Promise<void>;
  /** A pod of this node has left the network. */
  released(): void;
  /** Resolves when the table says what the API said last. */
  idle(): Promise<void>;
  /** Stops following; the table stays. */
  stop(): Promise<void>;
}

type PodIdentity = Pick<AttachedPod, "namespace" | "name" | "uid">;

const BY_NAMESPACE = "namespace";

export function startPolicy(options: PolicyOptions): Policy {
  return new NodePolicy(options);
}

class NodePolicy implements Policy {
  readonly #policies;
  readonly #namespaces;
  readonly #peers;
  readonly #groups: PodGroups;
  readonly #synced: Promise<unknown>;
  /** Addresses by uid, as at the last look. */
  #attached = new Map<string, AttachedPod>();
  /** What the kernel has; undefined when that is not known. */
  #applied: TableContent | undefined;
  #failure: Error | undefined;
  readonly #awaited = new Set<() => void>();
  #begun = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #work = latestOnly(
    () => this.#apply(),
    (error) => this.#failed(error),
  );

  constructor(private readonly options: PolicyOptions) {
    const { client, logger } = options;
    this.#policies = startInformer(client, networkPolicies);
    this.#namespaces = startInformer(client, namespaces);
    this.#peers = startInformer(client, podPeers);
    const inNamespace = ({ metadata }: { metadata: { namespace?: string } }) => [metadata.namespace ?? ""];
    this.#policies.addIndex(BY_NAMESPACE, inNamespace);
    this.#peers.addIndex(BY_NAMESPACE, inNamespace);
    this.#groups = new PodGroups({
      namespaces: () => this.#namespaces.list(),
      namespace: (name) => this.#namespaces.get(name),
      podsIn: (namespace) => this.#peers.byIndex(BY_NAMESPACE, namespace),
      pod: (key) => this.#peers.get(key),
      addressesOf: ({ metadata, addresses }) => this.#attached.get(metadata.uid)?.ips ?? addresses ?? [],
    });
    this.#follow();
    this.#synced = Promise.all([this.#policies, this.#namespaces, this.#peers].map(({ synced }) => synced));
    this.#synced
      .then(() => this.#begin())
      .catch((error) => logger.debug({ err: error }, "network policy stopped before it began"));
  }

  async protect(pod: PodIdentity): Promise<void> {
    const patience = this.options.patienceMillis ?? 10_000;
    await within(patience, this.#synced, "the cluster's network policies are not known yet");
    await this.#whenKnown(pod, patience);
    this.#work.trigger();
    await this.#work.idle();
    if (this.#failure) throw new Error(`network policies cannot be enforced: ${this.#failure.message}`);
  }

  released(): void {
    this.#changed();
  }

  async idle(): Promise<void> {
    await this.#synced;
    await this.#work.idle();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const informer of [this.#policies, this.#namespaces, this.#peers]) informer.stop();
    await this.#work.stop();
  }

  #follow(): void {
    const policy = () => this.#changed();
    this.#policies.addHandler({ onAdd: policy, onUpdate: policy, onDelete: policy });
    const peer = (object: { metadata: { name: string; namespace?: string } }) => {
      this.#groups.podChanged(keyOf(object));
      this.#changed();
      for (const look of this.#awaited) look();
    };
    this.#peers.addHandler({ onAdd: peer, onUpdate: peer, onDelete: peer });
    const namespace = () => {
      this.#groups.namespaceChanged();
      this.#changed();
    };
    this.#namespaces.addHandler({
      onAdd: namespace,
      onUpdate: (now, old) => {
        if (!semanticEqual(now.metadata.labels, old.metadata.labels)) namespace();
      },
      onDelete: namespace,
    });
  }

  #peerOf(pod: PodIdentity) {
    const peer = this.#peers.get(keyOf({ metadata: pod }));
    return peer?.metadata.uid === pod.uid ? peer : undefined;
  }

  async #whenKnown(pod: PodIdentity, patience: number): Promise<void> {
    let resolve: () => void;
    const known = new Promise<void>((done) => {
      resolve = done;
    });
    const look = () => {
      if (this.#peerOf(pod)) resolve();
    };
    this.#awaited.add(look);
    look();
    try {
      await within(patience, known, `pod ${keyOf({ metadata: pod })} is not known to network policy yet`);
    } finally {
      this.#awaited.delete(look);
    }
  }

  #changed(): void {
    if (this.#begun) this.#work.trigger();
  }

  #begin(): void {
    this.#begun = true;
    this.#work.trigger();
    this.#timer = setInterval(() => void this.#check(), this.options.checkMillis ?? 15_000).unref();
  }

  async #check(): Promise<void> {
    try {
      if ((await nftTableNames()).includes(`inet ${POLICY_TABLE}`)) return;
      this.options.logger.warn("the table of network policies is gone: putting it back");
      this.#applied = undefined;
      this.#work.trigger();
    } catch (error) {
      this.options.logger.error({ err: error }, "nft cannot list its tables");
    }
  }

  async #apply(): Promise<void> {
    const began = performance.now();
    this.#lookAtAttachedPods();
    const content = tableContent({
      families: this.options.families,
      attachedPods: [...this.#attached.values()],
      peerOf: (pod) => this.#peerOf(pod),
      policiesIn: (namespace) => this.#policies.byIndex(BY_NAMESPACE, namespace),
      elementsOf: (set) => this.#groups.elements(set),
    });
    this.#groups.sweep();
    const full = this.#applied === undefined;
    const { script, touched } = this.#applied ? change(this.#applied, content) : replacement(content);
    if (script.length > 0) await nft(script);
    this.#applied = content;
    this.#failure = undefined;
    if (script.length > 0) this.options.onApplied?.({ full, touched, millis: performance.now() - began });
  }

  /** Groups hold this node's pods by the addresses they have now. */
  #lookAtAttachedPods(): void {
    const now = new Map(this.options.attachedPods().map((pod) => [pod.uid, pod]));
    const before = this.#attached;
    this.#attached = now;
    for (const pod of [...before.values(), ...now.values()]) {
      if (before.get(pod.uid)?.ips.join() !== now.get(pod.uid)?.ips.join())
        this.#groups.podChanged(keyOf({ metadata: pod }));
    }
  }

  #failed(error: Error): void {
    const isKnown = this.#failure?.message === error.message;
    this.#applied = undefined;
    this.#failure = error;
    if (isKnown) return;
    this.options.logger.error({ err: error }, "network policies could not be enforced");
    this.options.onFailure?.(error);
  }
}

async function within(millis: number, wait: Promise<unknown>, otherwise: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(otherwise)), millis);
  });
  try {
    await Promise.race([wait, late]);
  } finally {
    clearTimeout(timer);
  }
}
