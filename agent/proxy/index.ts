/**
 * The service proxy of one node: follows Services and EndpointSlices and keeps the table `inet berth-proxy` as they say. At start the
 * table of an earlier life is replaced in one transaction; afterwards only what changed is touched.
 */
import type { Logger } from "pino";
import type { EndpointSlice, Service } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import type { Client } from "#client/client.js";
import type { EventRecorder } from "#client/event-recorder.js";
import { frontendsOf, type ProxyNode, reservedPortsOf, serviceKeyOf } from "./frontends.js";
import { createHealthCheck, healthCheckPorts, type ServiceHealth } from "./health-check-port.js";
import { createForwarder, loopbackPorts } from "./node-port-on-loopback.js";
import { PortListeners } from "./port-listeners.js";
import { ProxySync } from "./proxy-sync.js";
import { followServices, type ServiceInformers } from "./service-informers.js";
import { NO_RULES, rulesFor, type ServiceRules } from "./service-rules.js";

export interface ProxyOptions {
  client: Client;
  nodeName: string;
  logger: Logger;
  /** What the agent knows of Services already; the proxy's own when absent. */
  known?: ServiceInformers;
  /** Whose addresses are of the cluster itself. */
  podCIDRs?: readonly string[];
  /** Addresses in here are of Services and of nothing else: what goes to one that is not served any more, goes astray. */
  serviceCIDRs?: readonly string[];
  /** This node's own; without one there are no node ports on 127.0.0.1. */
  addresses?: readonly string[];
  /** TCP ports of the node's own programs, which no Service takes over. */
  reservedPorts?: readonly number[];
  /** The zone this node is in, as of now. */
  zone?(): string | undefined;
  /** Where a Service's owner is told what this node cannot do for it. */
  recorder?: EventRecorder;
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

export function startProxy(options: ProxyOptions): Proxy {
  const { client, logger, known = followServices(client) } = options;
  const ports = new ServicePorts(options, known);
  const rulesOf = (key: string, previous: ServiceRules) => {
    const service = known.services.get(key);
    ports.follow(key, service);
    return service ? rulesFor(frontendsOf(service, known.slicesOf(key), ports.node()), previous) : NO_RULES;
  };
  const sync = new ProxySync(rulesOf, () => known.services.list().map(keyOf), options);
  const service = (object: Service) => sync.changed(keyOf(object));
  const slice = (object: EndpointSlice) => sync.changed(serviceKeyOf(object));
  known.services.addHandler({ onAdd: service, onUpdate: service, onDelete: service });
  known.slices.addHandler({
    onAdd: slice,
    onUpdate: (now, old) => {
      slice(old);
      slice(now);
    },
    onDelete: slice,
  });
  // Until both are known the table of an earlier life serves better than half a new one.
  known.synced.then(() => sync.begin()).catch((error) => logger.debug({ err: error }, "proxy stopped before it began"));
  return {
    idle: async () => {
      await known.synced;
      await sync.idle();
    },
    stop: async () => {
      if (!options.known) known.stop();
      ports.stop();
      await sync.stop();
    },
  };
}

/** Sockets that Services need on this node, and the ports they may not have. */
class ServicePorts {
  readonly #health: PortListeners<ServiceHealth>;
  readonly #loopback: PortListeners<number> | undefined;
  readonly #reserved: ReadonlySet<string>;

  constructor(
    private readonly options: ProxyOptions,
    private readonly known: ServiceInformers,
  ) {
    const { addresses = [], reservedPorts = [] } = options;
    this.#reserved = new Set(addresses.flatMap((ip) => reservedPorts.map((port) => `${ip}:${port}`)));
    this.#health = new PortListeners({
      host: "0.0.0.0",
      create: createHealthCheck,
      onError: (owner, port, error) =>
        this.#tell(
          owner,
          "FailedToStartServiceHealthcheck",
          `node ${options.nodeName} failed to start healthcheck "${owner}" on port ${port}: ${error.message}`,
        ),
    });
    const [address] = addresses;
    if (address === undefined) return;
    this.#loopback = new PortListeners({
      host: "127.0.0.1",
      create: (port) => createForwarder(address, port),
      onError: (owner, port, error) =>
        this.#tell(
          owner,
          "NodePortOnLoopback",
          `node ${options.nodeName} cannot serve node port ${port} on 127.0.0.1: ${error.message}`,
        ),
    });
  }

  node(): ProxyNode {
    const { nodeName, addresses = [], zone } = this.options;
    return { name: nodeName, zone: zone?.(), addresses, reserved: this.#reserved };
  }

  follow(key: string, service: Service | undefined): void {
    const { nodeName } = this.options;
    this.#health.want(key, service ? healthCheckPorts(service, this.known.slicesOf(key), nodeName) : new Map());
    this.#loopback?.want(key, service ? loopbackPorts(service) : new Map());
    const refused = service ? reservedPortsOf(service, this.node()) : [];
    if (refused.length > 0)
      this.#tell(key, "PortReserved", `node ${nodeName} keeps ${refused.join(", ")} for its own programs`);
  }

  stop(): void {
    this.#health.stop();
    this.#loopback?.stop();
  }

  #tell(key: string, reason: string, message: string): void {
    this.options.logger.warn({ service: key, reason }, message);
    const service = this.known.services.get(key);
    if (service) this.options.recorder?.event(service, "Warning", reason, message);
  }
}
