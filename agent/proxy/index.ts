/**
 * The service proxy of one node: follows Services and EndpointSlices and keeps the table `inet berth-proxy` as they say. At start the
 * table of an earlier life is replaced in one transaction; afterwards only what changed is touched.
 */
import type { Logger } from "pino";
import { latestOnly } from "#agent/network/latest-only.js";
import type { EndpointSlice } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { endpointSlices, services } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { startInformer } from "#client/informer.js";
import { nft, nftTableNames } from "#cni/lib/nft.js";
import { frontendsOf, serviceKeyOf } from "./frontends.js";
import { PROXY_TABLE } from "./layout.js";
import { ProxyTable } from "./proxy-table.js";
import { NO_RULES, rulesFor, type ServiceRules } from "./service-rules.js";
import { forget, staleFlows } from "./stale-flows.js";

export interface ProxyOptions {
  client: Client;
  nodeName: string;
  logger: Logger;
  /** How often it is looked whether somebody has removed the table. Default 15 s. */
  checkMillis?: number;
  /** Told after each transaction. */
  onApplied?(applied: { full: boolean; touched: number; millis: number }): void;
}

export interface Proxy {
  /** Resolves when the table says what the API said last. */
  idle(): Promise<void>;
  /** Stops following; the table stays, and so do connections. */
  stop(): Promise<void>;
}

const BY_SERVICE = "service";

export function startProxy(options: ProxyOptions): Proxy {
  const { client, nodeName, logger } = options;
  const follow = { services: startInformer(client, services), slices: startInformer(client, endpointSlices) };
  follow.slices.addIndex(BY_SERVICE, (slice) => [serviceKeyOf(slice) ?? ""]);
  const rulesOf = (key: string, previous: ServiceRules) => {
    const service = follow.services.get(key);
    return service
      ? rulesFor(frontendsOf(service, follow.slices.byIndex(BY_SERVICE, key), nodeName), previous)
      : NO_RULES;
  };
  const sync = new ProxySync(rulesOf, options);
  const slice = (object: EndpointSlice) => sync.changed(serviceKeyOf(object));
  follow.services.addHandler({
    onAdd: (service) => sync.changed(keyOf(service)),
    onUpdate: (service) => sync.changed(keyOf(service)),
    onDelete: (service) => sync.changed(keyOf(service)),
  });
  follow.slices.addHandler({
    onAdd: slice,
    onUpdate: (now, old) => {
      slice(old);
      slice(now);
    },
    onDelete: slice,
  });
  // Until both are known the table of an earlier life serves better than half a new one.
  const synced = Promise.all([follow.services.synced, follow.slices.synced]);
  synced.then(() => sync.begin()).catch((error) => logger.debug({ err: error }, "proxy stopped before it began"));
  return {
    idle: async () => {
      await synced;
      await sync.idle();
    },
    stop: async () => {
      follow.services.stop();
      follow.slices.stop();
      await sync.stop();
    },
  };
}

/** Gathers changes while a transaction runs; a failed one is followed by a full replacement. */
class ProxySync {
  readonly #table = new ProxyTable();
  readonly #dirty = new Set<string>();
  #conflicts: ReadonlySet<string> = new Set();
  #full = true;
  #begun = false;
  #flows: string[][] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #work = latestOnly(
    () => this.#apply(),
    (error) => {
      this.#full = true;
      this.options.logger.error({ err: error }, "service rules could not be applied");
    },
  );

  constructor(
    private readonly rulesOf: (service: string, previous: ServiceRules) => ServiceRules,
    private readonly options: ProxyOptions,
  ) {}

  begin(): void {
    this.#begun = true;
    this.#work.trigger();
    this.#timer = setInterval(() => void this.#check(), this.options.checkMillis ?? 15_000).unref();
  }

  changed(service: string | undefined): void {
    if (service === undefined) return;
    this.#dirty.add(service);
    if (this.#begun) this.#work.trigger();
  }

  idle(): Promise<void> {
    return this.#work.idle();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#work.stop();
  }

  async #check(): Promise<void> {
    try {
      if ((await nftTableNames()).includes(`inet ${PROXY_TABLE}`)) return;
      this.options.logger.warn("the proxy's table is gone: putting it back");
      this.#full = true;
      this.#work.trigger();
    } catch (error) {
      this.options.logger.error({ err: error }, "nft cannot list its tables");
    }
  }

  async #apply(): Promise<void> {
    const began = performance.now();
    const dirty = new Set([...this.#dirty, ...this.#conflicts]);
    this.#dirty.clear();
    const next = new Map<string, ServiceRules>();
    for (const service of dirty) {
      const previous = this.#table.rulesOf(service);
      const rules = this.rulesOf(service, previous);
      this.#flows.push(...staleFlows(previous, rules));
      next.set(service, rules);
    }
    const { script, touched, conflicts } = this.#table.change(next);
    this.#tellConflicts(conflicts);
    const full = this.#full;
    const run = full ? this.#table.fullScript() : script;
    if (run.length > 0) {
      await nft(run);
      this.#full = false;
      this.options.onApplied?.({ full, touched, millis: performance.now() - began });
    }
    const flows = this.#flows;
    this.#flows = [];
    await forget(flows).catch((error) =>
      this.options.logger.warn({ err: error }, "old UDP flows may go on for a while"),
    );
  }

  #tellConflicts(conflicts: ReadonlySet<string>): void {
    const fresh = [...conflicts].filter((service) => !this.#conflicts.has(service));
    if (fresh.length > 0)
      this.options.logger.warn({ services: fresh }, "an address or port of these services is served for another one");
    this.#conflicts = conflicts;
  }
}
