/** Pods on the CNI runtime: a sandbox is a container, "eth0" its interface. */

import { withoutPrefix } from "#cni/lib/addresses.js";
import { CniCode, CniError } from "#cni/lib/error.js";
import type { PortMapping } from "#cni/lib/types.js";
import type { Attachment, AttachmentStore } from "./attachment-store.js";
import { type CniRuntime, inodeOf } from "./cni-runtime.js";
import { type ConfList, hasCapability } from "./conflist.js";
import type { AttachedPod, HostPort, NetworkPod, NetworkStatus, PodNetwork } from "./network.js";

const IF_NAME = "eth0";

export interface PodNetworkOptions {
  runtime: CniRuntime;
  store: AttachmentStore;
  /** The list in force now. @throws Error that says what the node still lacks */
  list(): ConfList;
  /** What is wrong with the node's own part of the network, if anything. */
  hostProblem(): Promise<string | undefined>;
}

export function createPodNetwork(options: PodNetworkOptions): PodNetwork {
  return new CniPodNetwork(options);
}

/** Every attachment that is complete, in the order they were begun. */
export function attachedPods(store: AttachmentStore): AttachedPod[] {
  const complete = store.list().filter(({ result }) => result !== undefined);
  return complete.map((entry) => ({
    namespace: entry.args["K8S_POD_NAMESPACE"] ?? "",
    name: entry.args["K8S_POD_NAME"] ?? "",
    uid: entry.args["K8S_POD_UID"] ?? "",
    ...statusOf(entry),
  }));
}

class CniPodNetwork implements PodNetwork {
  /** The last work of each sandbox: calls for one sandbox follow one another. */
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(private readonly options: PodNetworkOptions) {}

  attach(pod: NetworkPod): Promise<NetworkStatus> {
    return this.#serially(pod.sandboxId, async () => {
      const { runtime, store } = this.options;
      for (const entry of store.of(pod.sandboxId)) {
        if (entry.result && entry.netnsInode === inodeOf(pod.netns)) return statusOf(entry);
        await runtime.del(entry);
      }
      const list = this.options.list();
      const portMappings = pod.hostPorts.map(toPortMapping);
      if (portMappings.length > 0 && !hasCapability(list, "portMappings"))
        throw new CniError(
          CniCode.unsupportedField,
          `network "${list.name}" has no plugin for host ports (portMappings)`,
        );
      const attached = await runtime.add({
        containerId: pod.sandboxId,
        ifName: IF_NAME,
        netns: pod.netns,
        list,
        args: {
          IgnoreUnknown: "1",
          K8S_POD_NAMESPACE: pod.namespace,
          K8S_POD_NAME: pod.name,
          K8S_POD_INFRA_CONTAINER_ID: pod.sandboxId,
          K8S_POD_UID: pod.uid,
        },
        capabilities: portMappings.length > 0 ? { portMappings } : {},
      });
      return statusOf(attached);
    });
  }

  detach({ sandboxId }: Pick<NetworkPod, "sandboxId">): Promise<void> {
    return this.#serially(sandboxId, async () => {
      for (const entry of this.options.store.of(sandboxId)) await this.options.runtime.del(entry);
    });
  }

  async collect(livingSandboxIds: ReadonlySet<string>): Promise<void> {
    const { store, runtime } = this.options;
    const gone = new Set(store.list().map((entry) => entry.containerId));
    // A sandbox that is being attached or detached right now is younger than the caller's list.
    for (const id of [...livingSandboxIds, ...this.#queues.keys()]) gone.delete(id);
    const failures: unknown[] = [];
    for (const sandboxId of gone) await this.detach({ sandboxId }).catch((error) => failures.push(error));
    const lists = new Map(store.list().map(({ list }) => [list.name, list]));
    const current = currentList(this.options);
    if (current) lists.set(current.name, current);
    for (const list of lists.values()) await runtime.gc(list).catch((error) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
  }

  async problem(): Promise<string | undefined> {
    try {
      const found = await this.options.hostProblem();
      if (found) return notReady(found);
      await this.options.runtime.status(this.options.list());
      return undefined;
    } catch (error) {
      return notReady((error as Error).message);
    }
  }

  async #serially<T>(sandboxId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(sandboxId);
    const run = (async () => {
      await before?.catch(() => undefined);
      return await work();
    })();
    this.#queues.set(sandboxId, run);
    try {
      return await run;
    } finally {
      if (this.#queues.get(sandboxId) === run) this.#queues.delete(sandboxId);
    }
  }
}

function currentList(options: PodNetworkOptions): ConfList | undefined {
  try {
    return options.list();
  } catch {
    return undefined;
  }
}

/** The kubelet's words for the Ready condition. */
const notReady = (why: string) =>
  `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: ${why}`;

function toPortMapping({ hostPort, containerPort, protocol, hostIP }: HostPort): PortMapping {
  return { hostPort, containerPort, protocol, ...(hostIP ? { hostIP } : {}) };
}

/** The addresses inside the sandbox; a result may also name some of the host's links. */
function statusOf({ result }: Attachment): NetworkStatus {
  const inside = (result?.ips ?? []).filter(
    (ip) => ip.interface === undefined || result?.interfaces?.[ip.interface]?.sandbox,
  );
  const ips = inside.map((ip) => withoutPrefix(ip.address));
  return { ips: [...ips.filter((ip) => !ip.includes(":")), ...ips.filter((ip) => ip.includes(":"))] };
}
