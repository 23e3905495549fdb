/** The agent by itself, on a one-node lab: one Pod's start, a crash's way to the API, probes while many Pods start, and its own use. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Docker from "dockerode";
import type { Pod } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { pods } from "#api/refs.js";
import { type Informer, startInformer } from "#client/informer.js";
import { readKubeconfig } from "#client/kubeconfig.js";
import { RestClient } from "#client/rest.js";
import { enterArgs } from "#scripts/lab/namespaces.js";
import { processId } from "#scripts/lab/processes.js";
import { defaultLabRoot, type Lab } from "#scripts/lab/state.js";
import { labUp } from "#scripts/lab/up.js";
import type { Benchmark, BenchOptions, Report } from "./figure.js";
import { cpuTicks, residentMegabytes } from "./process-use.js";
import { quantile } from "./quantile.js";
import { withLab } from "./with-lab.js";

const NAME = "benchkl";
const ROUNDS = 15;
const CRASHES = 10;
const STARTING = 50;
/** Pods that run before the others start, and are probed meanwhile. */
const STEADY = 20;
const PERIOD_MS = 1_000;
const PROBE_PORT = 9900;
/** Two of the agent's rounds over all its Pods: less is more or less than it uses, by where in a round it begins. */
const IDLE_SECONDS = 60;
const IMAGE = "busybox:latest";
/** Ends at once when told to. */
const COMMAND = ["sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"];

/** The Pods of a lab through one watch. */
class World {
  readonly #waiting = new Set<() => void>();

  constructor(
    readonly lab: Lab,
    readonly client: RestClient,
    readonly informer: Informer<Pod>,
  ) {
    const look = () => {
      for (const waiting of [...this.#waiting]) waiting();
    };
    informer.addHandler({ onAdd: look, onUpdate: look, onDelete: look });
  }

  create(name: string, spec: object = {}, container: object = {}): Promise<Pod> {
    const main = { name: "main", image: IMAGE, imagePullPolicy: "IfNotPresent", command: COMMAND, ...container };
    const draft = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default" },
      spec: { terminationGracePeriodSeconds: 1, containers: [main], ...spec },
    };
    return this.client.create(pods, draft as Draft<Pod>);
  }

  /** Resolves in the turn in which the watch tells of it. */
  until(check: () => boolean, what: string, timeoutMs = 180_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${what}: not in ${timeoutMs / 1000} s`)), timeoutMs);
      const look = () => {
        if (!check()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  isReady(name: string): boolean {
    const { conditions = [] } = this.informer.get(`default/${name}`)?.status ?? {};
    return conditions.some(({ type, status }) => type === "Ready" && status === "True");
  }

  allReady(names: readonly string[]): Promise<void> {
    return this.until(() => names.every((name) => this.isReady(name)), `${names.length} Pods ready`);
  }

  async removeAll(): Promise<void> {
    await this.client.deleteCollection(pods, { namespace: "default" }, { gracePeriodSeconds: 1 });
    await this.until(() => this.informer.list().length === 0, "all Pods gone");
  }
}

/** Milliseconds for the two containers of a Pod, made and started by hand. */
async function startByHand(docker: Docker, pause: string): Promise<number> {
  const began = performance.now();
  const sandbox = await docker.createContainer({ Image: pause, HostConfig: { IpcMode: "shareable" } });
  await sandbox.start();
  const shared = `container:${sandbox.id}`;
  const main = await docker.createContainer({
    ...{ Image: IMAGE, Cmd: COMMAND },
    HostConfig: { NetworkMode: shared, IpcMode: shared },
  });
  await main.start();
  const took = performance.now() - began;
  for (const container of [main, sandbox]) await container.remove({ force: true });
  return took;
}

async function measureStart(world: World, docker: Docker, report: Report): Promise<void> {
  const tags = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  const pause = tags.find((tag) => tag.includes("pause"));
  if (!pause) throw new Error("the sandbox image is not on the node");
  const own: number[] = [];
  const byHand: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    byHand.push(await startByHand(docker, pause));
    const began = performance.now();
    await world.create(`one-${round}`);
    await world.allReady([`one-${round}`]);
    own.push(performance.now() - began);
    await world.removeAll();
  }
  report({ name: "pod-start-p50", value: quantile(own, 0.5), unit: "ms", baseline: quantile(byHand, 0.5) });
}

async function measureCrash(world: World, docker: Docker, report: Report): Promise<void> {
  const took: number[] = [];
  for (let round = 0; round < CRASHES; round++) {
    const name = `crash-${round}`;
    await world.create(name, { restartPolicy: "Never" });
    await world.allReady([name]);
    const main = () => world.informer.get(`default/${name}`)?.status?.containerStatuses?.[0];
    const id = main()!.containerID!.replace("docker://", "");
    const began = performance.now();
    await Promise.all([
      docker.getContainer(id).kill(),
      world.until(() => main()?.state?.terminated !== undefined, `the crash of ${name}`),
    ]);
    took.push(performance.now() - began);
  }
  report({ name: "crash-to-api-p50", value: quantile(took, 0.5), unit: "ms" });
  report({ name: "crash-to-api-worst", value: quantile(took, 1), unit: "ms" });
  await world.removeAll();
}

/** What probes ask, in the node's own network. */
async function probeServer(lab: Lab) {
  const program = fileURLToPath(new URL("./probe-times.js", import.meta.url));
  const inside = [...enterArgs(lab, lab.workers[0]!), process.execPath, program, String(PROBE_PORT)];
  const child = spawn("nsenter", inside, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  await next();
  return {
    arrivals: async () => {
      child.stdin.write("\n");
      return JSON.parse(await next()) as Record<string, number[]>;
    },
    stop: () => void child.stdin.end(),
  };
}

/** How much later than its period each readiness probe came, while many Pods start. */
async function measureProbes(world: World, report: Report): Promise<void> {
  const server = await probeServer(world.lab);
  try {
    const probed = (name: string) => ({
      readinessProbe: {
        httpGet: { host: "127.0.0.1", port: PROBE_PORT, path: `/${name}` },
        ...{ periodSeconds: PERIOD_MS / 1000, timeoutSeconds: 1 },
      },
    });
    const start = async (kind: string, count: number) => {
      const names = Array.from({ length: count }, (_, i) => `${kind}-${i}`);
      await Promise.all(names.map((name) => world.create(name, {}, probed(name))));
      await world.allReady(names);
    };
    await start("steady", STEADY);
    const began = performance.now();
    await start("starting", STARTING);
    report({ name: "fifty-starting-ready", value: (performance.now() - began) / 1000, unit: "s" });
    const late = Object.values(await server.arrivals()).flatMap((times) =>
      times.slice(1).map((at, i) => Math.max(0, at - times[i]! - PERIOD_MS)),
    );
    report({ name: "probe-lateness-p99", value: quantile(late, 0.99), unit: "ms" });
    report({ name: "probe-lateness-worst", value: quantile(late, 1), unit: "ms" });
    report({ name: "probes-late-by-a-period", value: late.filter((ms) => ms > PERIOD_MS).length, unit: "probes" });
  } finally {
    server.stop();
  }
  await world.removeAll();
}

async function measureUse(world: World, report: Report, { count = 110, progress }: BenchOptions): Promise<void> {
  const names = Array.from({ length: count }, (_, i) => `many-${i}`);
  await Promise.all(names.map((name) => world.create(name)));
  await world.allReady(names);
  progress(`idle for ${IDLE_SECONDS} s`);
  await sleep(10_000);
  const pid = (await processId(world.lab, world.lab.workers[0]!, "agent"))!;
  const before = cpuTicks(pid);
  await sleep(IDLE_SECONDS * 1000);
  report({ name: `agent-resident-${count}`, value: residentMegabytes(pid), unit: "MB" });
  report({
    name: `agent-idle-cpu-${count}`,
    value: (cpuTicks(pid) - before) / IDLE_SECONDS,
    unit: "% of a core",
  });
}

async function measureAll(lab: Lab, report: Report, options: BenchOptions): Promise<void> {
  const client = new RestClient({ ...readKubeconfig(lab.kubeconfig), userAgent: "berth-bench/1" });
  const informer = startInformer(client, pods, { namespace: "default" });
  await informer.synced;
  const world = new World(lab, client, informer);
  const docker = new Docker({ socketPath: lab.dockerSocket(lab.workers[0]!) });
  try {
    options.progress(`${ROUNDS} times one Pod, through the API and by hand`);
    await measureStart(world, docker, report);
    options.progress(`${CRASHES} crashes`);
    await measureCrash(world, docker, report);
    options.progress(`probes of ${STEADY} Pods while ${STARTING} start`);
    await measureProbes(world, report);
    options.progress(`${options.count ?? 110} Pods on one node`);
    await measureUse(world, report, options);
  } finally {
    informer.stop();
  }
}

export const kubeletBenchmark: Benchmark = {
  name: "kubelet",
  description: "one Pod's start, crashes, probes while 50 Pods start, the agent with N Pods (110)",
  run(report, options) {
    const up = { name: NAME, root: defaultLabRoot(), nodes: 1, images: ["busybox"], apiPort: 0 };
    const make = () => labUp({ ...up, timers: "kubernetes" });
    return withLab(NAME, make, (lab) => measureAll(lab, report, options));
  },
};
