/** Brings the kernel's table after what changed. Gathers changes while a transaction runs; a failed one is followed by a full replacement. */
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { latestOnly } from "#agent/network/latest-only.js";
import { contains, parseAddress, parsePrefix } from "#cni/lib/addresses.js";
import { nft, nftTableNames } from "#cni/lib/nft.js";
import type { Frontend } from "./frontends.js";
import type { ProxyOptions } from "./index.js";
import { PROXY_TABLE } from "./layout.js";
import { ProxyTable } from "./proxy-table.js";
import type { ServiceRules } from "./service-rules.js";
import { forget, staleFlows, strayFlows, trackedFlows } from "./stale-flows.js";

const LONGEST_REST_MS = 200;
/** With so many flows to forget, one look at all of them is cheaper than a program for each. */
const MANY_FLOWS = 32;

export class ProxySync {
  readonly #table: ProxyTable;
  readonly #dirty = new Set<string>();
  #conflicts: ReadonlySet<string> = new Set();
  #full = true;
  #begun = false;
  #zone: string | undefined;
  #rest = 0;
  /** Flows to forget; undefined: whatever goes to nobody who serves. */
  #flows: string[][] | undefined;
  #gone: Frontend[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #work = latestOnly(
    () => this.#apply(),
    (error) => {
      this.#full = true;
      this.options.logger.error({ err: error }, "service rules could not be applied");
    },
  );

  /** @param all keys of the services there are */
  constructor(
    private readonly rulesOf: (service: string, previous: ServiceRules) => ServiceRules,
    private readonly all: () => readonly string[],
    private readonly options: ProxyOptions,
  ) {
    this.#table = new ProxyTable(options.podCIDRs);
  }

  begin(): void {
    this.#begun = true;
    this.#zone = this.options.zone?.();
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
    const zone = this.options.zone?.();
    if (zone !== this.#zone) {
      this.#zone = zone;
      for (const service of this.all()) this.changed(service);
    }
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
      this.#flows?.push(...staleFlows(previous, rules));
      this.#gone.push(...[...previous.udp].flatMap(([id, frontend]) => (rules.udp.has(id) ? [] : [frontend])));
      next.set(service, rules);
    }
    const { script, touched, conflicts } = this.#table.change(next);
    this.#tellConflicts(conflicts);
    const full = this.#full;
    this.#rest = 0;
    const run = full ? this.#table.fullScript() : script;
    if (run.length > 0) {
      await nft(run);
      this.#full = false;
      const millis = performance.now() - began;
      const services = this.#table.services().length;
      if (full) this.options.logger.info({ services, millis: Math.round(millis) }, "service rules replaced");
      this.options.onApplied?.({ full, touched, millis });
      // Whoever reads the tables begins anew when one changes meanwhile: in a stream of changes he needs gaps.
      this.#rest = Math.min(2 * millis, LONGEST_REST_MS);
    }
    await this.#forgetFlows();
    if (this.#dirty.size > 0) await sleep(this.#rest);
  }

  async #forgetFlows(): Promise<void> {
    const [flows, gone] = [this.#flows, this.#gone];
    this.#flows = [];
    this.#gone = [];
    try {
      await forget(flows && flows.length < MANY_FLOWS ? flows : await this.#strayFlows(gone));
    } catch (error) {
      this.options.logger.warn({ err: error }, "old UDP flows may go on for a while");
    }
  }

  async #strayFlows(gone: readonly Frontend[]): Promise<string[][]> {
    const frontends = this.#table.services().flatMap((key) => [...this.#table.rulesOf(key).udp.values()]);
    const ranges = (this.options.serviceCIDRs ?? []).map(parsePrefix);
    const families = new Set([...frontends, ...gone, ...ranges].map(({ family }) => family));
    if (families.size === 0) return [];
    const own = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)));
    return strayFlows(await trackedFlows(families), frontends, gone, {
      isLocal: (ip) => own.has(ip),
      isService: (ip) => ranges.some((range) => contains(range, parseAddress(ip))),
    });
  }

  #tellConflicts(conflicts: ReadonlySet<string>): void {
    const fresh = [...conflicts].filter((service) => !this.#conflicts.has(service));
    if (fresh.length > 0)
      this.options.logger.warn({ services: fresh }, "an address or port of these services is served for another one");
    this.#conflicts = conflicts;
  }
}
