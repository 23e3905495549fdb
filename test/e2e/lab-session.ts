/**
 * The lab that end-to-end tests run on: the one named in BERTH_TEST_LAB (scripts/run-tests.mjs makes it once for the whole
 * suite), else one of the test's own, removed at its end. Every test works in a Kubernetes namespace of its own.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Test } from "tap";
import type { Pod } from "#api/generated/types.js";
import type { KubeList, KubeObject } from "#api/object.js";
import * as refs from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { isNotFound } from "#api/status-error.js";
import { readKubeconfig } from "#client/kubeconfig.js";
import { RestClient } from "#client/rest.js";
import { labDown } from "#scripts/lab/down.js";
import { kubectl, pinnedClient } from "#scripts/lab/kubectl.js";
import { enterArgs } from "#scripts/lab/namespaces.js";
import { defaultLabRoot, type Lab, type LabNode, requireLab } from "#scripts/lab/state.js";
import { labUp } from "#scripts/lab/up.js";
import { type RunOptions, type RunResult, run, runAny } from "#scripts/run.js";

export async function openLab(t: Test, nodes = 2): Promise<LabSession> {
  const shared = process.env.BERTH_TEST_LAB;
  if (shared) return new LabSession(await requireLab(defaultLabRoot(), shared));
  const lab = await labUp({ name: "e2e", root: defaultLabRoot(), nodes, images: ["nginx", "busybox"], apiPort: 0 });
  t.teardown(() => labDown(lab));
  return new LabSession(lab);
}

/** For a lab beside the suite's, of a test that needs one of its own: another checkout's tests have others. */
export const ownLabName = (suffix: string) => `${(process.env.BERTH_TEST_LAB ?? "e2e").slice(0, 9)}${suffix}`;

interface ListSelection {
  labelSelector?: string;
  fieldSelector?: string;
}

function refOf(kind: string): ResourceRef<KubeObject> {
  const known = Object.values(refs as Record<string, unknown>).filter(isRef);
  // The metrics API has Pods and nodes of its own.
  const isNamed = (ref: ResourceRef) => ref.plural === kind && ref.group !== "metrics.k8s.io";
  const found = known.find((ref) => ref.kind.toLowerCase() === kind || isNamed(ref));
  if (!found) throw new Error(`no kind is called ${kind}`);
  return found;
}

const isRef = (value: unknown): value is ResourceRef<KubeObject> =>
  typeof value === "object" && value !== null && "plural" in value;

export interface Inventory {
  containers: number;
  links: number;
  addresses: number;
}

export class LabSession {
  readonly #client: RestClient;

  constructor(readonly lab: Lab) {
    this.#client = new RestClient({ ...readKubeconfig(lab.kubeconfig), userAgent: "berth-test/1" });
  }

  /** What is polled is read without kubectl: each start of it would take a tenth of a second of the machine. */
  get client(): RestClient {
    return this.#client;
  }

  /** A namespace that goes with the test. */
  async namespace(t: Test, name: string): Promise<NamespaceSession> {
    const session = new NamespaceSession(this, name);
    await this.client.create(refs.namespaces, { metadata: { name }, spec: {} });
    t.teardown(async () => {
      await this.client.delete(refs.namespaces, name);
      const isGone = () => this.client.get(refs.namespaces, name).then(() => false, isNotFound);
      await until(`the end of namespace ${name}`, isGone, 180_000);
    });
    await until(`service account in ${name}`, () => session.tryGet("serviceaccount", "default"));
    return session;
  }

  /** kubectl that must succeed; its standard output. */
  async kubectl(args: readonly string[], input?: string): Promise<string> {
    const result = await this.tryKubectl(args, { input });
    if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr || result.stdout}`);
    return result.stdout;
  }

  tryKubectl(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return pastEarlyMessages(() => kubectl(this.lab, args, { timeoutMs: 300_000, ...options }));
  }

  /** A program on a node. */
  on(node: LabNode, command: readonly string[], input?: string): Promise<string> {
    return run("nsenter", [...enterArgs(this.lab, node), ...command], { input, timeoutMs: 120_000 });
  }

  docker(node: LabNode, args: readonly string[]): Promise<string> {
    return run("docker", ["-H", `unix://${this.lab.dockerSocket(node)}`, ...args], { timeoutMs: 120_000 });
  }

  /** What a node holds for Pods, to compare before and after: containers with sandboxes, links, address reservations. */
  async inventory(node: LabNode): Promise<Inventory> {
    const containers = await this.docker(node, ["ps", "-aq", "--filter", "label=io.kubernetes.pod.uid"]);
    const links = await this.on(node, ["ip", "-o", "link", "show", "type", "veth"]);
    const leases = await this.on(node, [
      "find",
      "/var/lib/cni",
      "/var/lib/berth",
      "-path",
      "*networks*",
      "-name",
      "10.244.*",
    ]);
    const count = (text: string) => text.split("\n").filter(Boolean).length;
    // eth0, the node's own link to the lab switch, is a veth too.
    return { containers: count(containers), links: count(links) - 1, addresses: count(leases) };
  }

  /** The inventory once Pods of before are gone from the node too, not only from the API. Its Pods have one container each. */
  async settledInventory(node: LabNode): Promise<Inventory> {
    const list = ["get", "pods", "-A", "-o", "json", `--field-selector=spec.nodeName=${node.name}`];
    let seen = {};
    const settled = until(`${node.name} holds what its Pods need`, async () => {
      const pods = (JSON.parse(await this.kubectl(list)) as KubeList<Pod>).items;
      const found = await this.inventory(node);
      seen = { ...found, pods: pods.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`) };
      const own = pods.filter(({ spec }) => !spec.hostNetwork).length;
      const whole = found.containers === 2 * pods.length && found.links === own && found.addresses === own;
      return whole && found;
    });
    return settled.catch(async (error) => {
      const containers = await this.docker(node, ["ps", "-a", "--format", "{{.Names}} {{.Status}}"]);
      const links = await this.on(node, ["ip", "-o", "link", "show", "type", "veth"]);
      throw new Error(`${error.message}\n${JSON.stringify(seen)}\n${containers}${links}`);
    });
  }
}

export class NamespaceSession {
  constructor(
    readonly session: LabSession,
    readonly name: string,
  ) {}

  kubectl(args: readonly string[], input?: string): Promise<string> {
    return this.session.kubectl(["-n", this.name, ...args], input);
  }

  tryKubectl(args: readonly string[], options?: RunOptions): Promise<RunResult> {
    return this.session.tryKubectl(["-n", this.name, ...args], options);
  }

  /** What kubectl apply would do, by the server: see `LabSession.client`. */
  async apply(...objects: object[]): Promise<void> {
    const force = { fieldManager: "berth-test", force: true };
    for (const object of objects as (KubeObject & { kind: string })[]) {
      const ref = refOf(object.kind.toLowerCase());
      const { name, namespace = this.name } = object.metadata;
      const patch = { type: "application/apply-patch+yaml", body: object } as const;
      await this.session.client.patch(ref, name, patch, {
        ...force,
        namespace: ref.namespaced ? namespace : undefined,
      });
    }
  }

  /** @param kind "pod" or "pods" */
  async get<T extends KubeObject>(kind: string, name: string): Promise<T> {
    return structuredClone((await this.session.client.get(refOf(kind), name, this.name)) as T);
  }

  async tryGet<T extends KubeObject>(kind: string, name: string): Promise<T | undefined> {
    return this.get<T>(kind, name).catch((error) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  async list<T extends KubeObject>(kind: string, select: ListSelection = {}): Promise<T[]> {
    const { items } = await this.session.client.list(refOf(kind), { namespace: this.name, ...select });
    return structuredClone(items) as unknown as T[];
  }

  /** Reasons and messages of the Events about an object: "BackOff: Back-off restarting ...". */
  async eventsOf(name: string): Promise<string[]> {
    type Event = KubeObject & { reason: string; message: string };
    const items = await this.list<Event>("events", { fieldSelector: `involvedObject.name=${name}` });
    return items.map((e) => `${e.reason}: ${e.message}`);
  }
}

/** Polls until the check yields something true; names what did not happen when it never does. */
export async function until<T>(
  what: string,
  check: () => Promise<T | false | undefined>,
  timeoutMs = 120_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await sleep(200);
  }
}

/** Both kubectl versions we promise to work with. */
export async function kubectlVersions(): Promise<{ version: string; path: string }[]> {
  return [
    { version: "1.32", path: await pinnedClient("kubectl", "v32") },
    { version: "1.35", path: await pinnedClient("kubectl", "v35") },
  ];
}

export function kubectlAt(
  path: string,
  lab: Lab,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const env = { ...process.env, ...options.env, KUBECONFIG: lab.kubeconfig };
  return pastEarlyMessages(() => runAny(path, args, { timeoutMs: 120_000, ...options, env }));
}

/** kubectl 1.32 may read an exec's first messages before it has made its streams, and then drops them, by its own word. */
async function pastEarlyMessages(run: () => Promise<RunResult>): Promise<RunResult> {
  const result = await run();
  return result.stderr.includes("Unknown stream id") ? await run() : result;
}

/** A Pod with one container, "main", that dies quickly when told to. */
export function pod(name: string, container: object, spec: object = {}): object {
  const containers = [{ name: "main", image: "busybox:latest", imagePullPolicy: "IfNotPresent", ...container }];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 1, containers, ...spec },
  };
}

/** An nginx Deployment labelled app=<name>. */
export function nginx(name: string, replicas: number, podSpec: object = {}): object {
  const container = {
    name: "nginx",
    image: "nginx:latest",
    imagePullPolicy: "IfNotPresent",
    ports: [{ containerPort: 80 }],
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 2, containers: [container], ...podSpec },
      },
    },
  };
}
