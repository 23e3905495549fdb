/** Keeps the Node object true: registers it (again, when somebody deletes it) and writes its status. */
import type { Logger } from "pino";
import type { Node } from "#api/generated/types.js";
import { equalJson } from "#api/json-value.js";
import { nodes } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import type { EventRecorder } from "#client/event-recorder.js";
import { type Informer, startInformer } from "#client/informer.js";
import { conditionEvents } from "./node-events.js";
import type { NodeFacts } from "./node-object.js";
import { type NodeObservation, statusPatch } from "./node-status.js";
import { registerNode } from "./own-node.js";

export interface NodeReporterOptions {
  client: Client;
  facts: NodeFacts;
  /** How the node is now. Never rejects for a reason that belongs into the Ready condition. */
  observe(): Promise<NodeObservation>;
  recorder: EventRecorder;
  clock: Clock;
  logger: Logger;
}

/** How often the node is looked at; written is only what changed, and everything every five minutes. */
const LOOK_MS = 10_000;
const HEARTBEAT_MS = 5 * 60_000;
/** While the node is not ready it is looked at sooner, a little less often each time. */
const FIRST_LOOK_MS = 100;

export class NodeReporter {
  readonly #informer: Informer<Node>;
  #node: Node | undefined;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #delay = FIRST_LOOK_MS;
  #cancel: () => void = () => undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  /** Until then the Node is registered, and its status left as it is: a restart is no reason to call it not ready. */
  #begun = false;
  #tellRegistered: (node: Node) => void = () => undefined;
  /** Resolves as soon as the API knows the Node. */
  readonly registered = new Promise<Node>((resolve) => {
    this.#tellRegistered = resolve;
  });

  constructor(private readonly options: NodeReporterOptions) {
    this.#informer = startInformer(options.client, nodes, {
      fieldSelector: `metadata.name=${options.facts.name}`,
      clock: options.clock,
      onError: (error) => options.logger.warn({ err: error }, "watch of the own Node broke"),
    });
    this.#informer.addHandler({
      onAdd: (node) => this.#see(node),
      onUpdate: (node) => this.#see(node),
      onDelete: () => {
        if (this.#stopped) return;
        options.logger.warn("the Node was deleted; registering it again");
        this.#node = undefined;
        this.refresh();
      },
    });
    this.refresh();
  }

  /** The Node as last seen. */
  get node(): Node | undefined {
    return this.#node;
  }

  /** The node's parts are up: from now on its status is written. */
  begin(): void {
    this.#begun = true;
    this.refresh();
  }

  /** Looks at the node now: something has changed. */
  refresh(): void {
    this.#cancel();
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#run();
  }

  /** The control plane hears of this node again after a silence: what it believes of it may be old. */
  heardAgain(): void {
    this.#lastWrite = Number.NEGATIVE_INFINITY;
    this.refresh();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#informer.stop();
    await this.#running;
  }

  /** A new Pod range makes the network ready, a node called silent is not, and others may say what it has: look again at once. */
  #see(node: Node): void {
    const before = this.#node;
    this.#node = node;
    const gotRange = node.spec.podCIDR && !before?.spec.podCIDR;
    const resized = before && !equalJson(node.status?.capacity, before.status?.capacity);
    if (gotRange || resized || (isCalledSilent(node) && !isCalledSilent(before))) this.refresh();
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const ready = await this.#report().catch((error) => {
        if (!this.#stopped) this.options.logger.warn({ err: error }, "the node's status was not written");
        return false;
      });
      this.#delay = ready ? LOOK_MS : Math.min(this.#delay * 1.5, LOOK_MS / 2);
    }
    this.#running = undefined;
    if (!this.#stopped) this.#cancel = this.options.clock.after(this.#delay, () => this.refresh());
  }

  /** @returns true when the node is ready and the API knows */
  async #report(): Promise<boolean> {
    const { facts, observe, clock, recorder } = this.options;
    const node = this.#node ?? (await this.#register());
    if (!this.#begun) return false;
    const seen = await observe();
    if (this.#stopped) return false;
    const heartbeat = clock.monotonic() - this.#lastWrite >= HEARTBEAT_MS;
    const body = statusPatch(node, seen, formatTime(clock.now()), heartbeat);
    if (body) {
      const written = await this.#write(body);
      if (!written) return false;
      this.#lastWrite = clock.monotonic();
      const changes = conditionEvents(facts.name, node.status?.conditions ?? [], written.status?.conditions ?? []);
      for (const { type, reason, message } of changes) recorder.event(written, type, reason, message);
      this.#see(written);
    }
    return seen.health.problems.length === 0;
  }

  async #register(): Promise<Node> {
    const node = withKind(await registerNode(this.options.client, this.options.facts));
    this.#see(node);
    this.#tellRegistered(node);
    return node;
  }

  async #write(body: object): Promise<Node | undefined> {
    const { client, facts } = this.options;
    const patch = { type: "application/strategic-merge-patch+json" as const, body };
    try {
      return withKind(await client.patch(nodes, facts.name, patch, { subresource: "status" }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#node = undefined;
      this.#again = true;
      return undefined;
    }
  }
}

const isCalledSilent = (node: Node | undefined) =>
  node?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "Unknown") ?? false;

/** Events refer to objects by kind, which answers to single requests may lack. */
const withKind = (node: Node): Node => ({ ...node, apiVersion: "v1", kind: "Node" });
