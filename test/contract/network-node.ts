/**
 * One node's network in a process of its own, inside the node's namespace: openNetwork and startProxy over an API that the parent
 * feeds object by object. Killing it is killing the agent.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { openNetwork } from "#agent/network/index.js";
import type { NetworkPod, NetworkStatus } from "#agent/network/network.js";
import { resetNetwork } from "#agent/network/reset.js";
import { startProxy } from "#agent/proxy/index.js";
import type { VxlanNumbers } from "#api/join.js";
import type { KubeObject } from "#api/object.js";
import type { Client } from "#client/client.js";
import { ObjectClient } from "#test/fixtures/object-client.js";

export interface NodeSettings {
  nodeName: string;
  addresses: string[];
  dataDir: string;
  cluster: { podCIDRs: string[]; serviceCIDRs: string[]; vxlan?: VxlanNumbers };
  cniConfDir?: string;
  ownServiceIPs?: string[];
  /** Nobody answers there. */
  apiAway?: boolean;
}

const SILENCE: Pick<Client, "list"> = { list: () => new Promise(() => undefined) };

type Request =
  | { do: "open"; settings: NodeSettings; objects: KubeObject[] }
  | { do: "apply" | "remove"; object: KubeObject }
  | { do: "attach"; pod: NetworkPod }
  | { do: "detach"; sandboxId: string }
  | { do: "collect"; living: string[] }
  | { do: "problem" | "unreachable" }
  | { do: "idle" }
  | { do: "reset"; dataDir: string };

/** The parent's handle on such a process. */
export class NetworkNode {
  #next = 0;
  private constructor(readonly process: ChildProcess) {}

  /** @param netns "/proc/<pid>/ns/net" of the node */
  static async start(netns: string): Promise<NetworkNode> {
    const path = fileURLToPath(import.meta.url);
    const child = fork(path, [], { execPath: "nsenter", execArgv: [`--net=${netns}`, process.execPath] });
    const node = new NetworkNode(child);
    await once(child, "message");
    return node;
  }

  call<T = undefined>(request: Request): Promise<T> {
    const id = ++this.#next;
    return new Promise((resolve, reject) => {
      const answer = (message: { id: number; value?: T; error?: string }) => {
        if (message.id !== id) return;
        this.process.off("message", answer);
        if (message.error === undefined) resolve(message.value as T);
        else reject(new Error(message.error));
      };
      this.process.on("message", answer);
      this.process.send({ id, request });
    });
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill("SIGKILL");
    await once(this.process, "exit");
  }
}

function serve(): void {
  const api = new ObjectClient();
  const logger = pino({ level: process.env["BERTH_LOG"] ?? "silent" });
  let node: Awaited<ReturnType<typeof openNetwork>> | undefined;
  let proxy: ReturnType<typeof startProxy> | undefined;
  let unreachable: readonly string[] = [];
  const onUnreachable = (problems: readonly string[]) => {
    unreachable = problems;
  };
  const network = () => {
    if (!node) throw new Error("not open");
    return node.network;
  };
  const handle = async (request: Request): Promise<unknown> => {
    switch (request.do) {
      case "open":
        for (const object of request.objects) api.apply(object);
        if (request.settings.apiAway) {
          node = await openNetwork({ ...request.settings, client: SILENCE as Client, logger, checkMillis: 500 });
          return undefined;
        }
        node = await openNetwork({ ...request.settings, client: api.client, logger, checkMillis: 500, onUnreachable });
        proxy = startProxy({ client: api.client, nodeName: request.settings.nodeName, logger });
        return await proxy.idle();
      case "apply":
        return api.apply(request.object);
      case "remove":
        return api.remove(request.object);
      case "attach":
        return (await network().attach(request.pod)) satisfies NetworkStatus;
      case "detach":
        return await network().detach({ sandboxId: request.sandboxId });
      case "collect":
        return await network().collect(new Set(request.living));
      case "problem":
        return await network().problem();
      case "unreachable":
        return unreachable;
      case "idle":
        return await proxy?.idle();
      case "reset":
        return await resetNetwork({ dataDir: request.dataDir });
    }
  };
  process.on("message", ({ id, request }: { id: number; request: Request }) => {
    handle(request).then(
      (value) => process.send?.({ id, value }),
      (error: Error) => process.send?.({ id, error: error.message }),
    );
  });
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve();
