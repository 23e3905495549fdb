/** Many Services: how long until one more is served on a node, and until a restarted agent serves them all. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endpointSlices, services } from "#api/refs.js";
import { enterArgs } from "#scripts/lab/namespaces.js";
import { logFile, stopProcess } from "#scripts/lab/processes.js";
import type { Lab, LabNode } from "#scripts/lab/state.js";
import { startAgent } from "#scripts/lab/up.js";
import { run } from "#scripts/run.js";
import type { BenchOptions, Report } from "./figure.js";
import type { ServiceLab } from "./service-lab.js";

const SAMPLES = 30;
const PARALLEL = 16;
const namespace = "default";
const now = () => performance.timeOrigin + performance.now();

/** Its slice first: then the Service is all that is missing. @returns when its creation was asked for and answered */
async function addService({ client, pods }: ServiceLab, name: string, clusterIP?: string) {
  await client.create(endpointSlices, {
    metadata: { name, namespace, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints: [pods.same, pods.other].map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    ports: [{ name: "", port: 80, protocol: "TCP" }],
  });
  const asked = now();
  await client.create(services, { metadata: { name, namespace }, spec: { clusterIP, ports: [{ port: 80 }] } });
  return { asked, answered: now() };
}

/** Watches from a node for the first connection that succeeds. */
class FirstAnswer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(lab: Lab, node: LabNode) {
    const script = fileURLToPath(new URL("./first-answer.js", import.meta.url));
    const args = [...enterArgs(lab, node), process.execPath, script];
    this.#child = spawn("nsenter", args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Resolves when it asks; what it resolves with resolves when it was answered, with the time. */
  async begin(address: string): Promise<{ at: Promise<number> }> {
    this.#child.stdin!.write(`${address} 80\n`);
    await this.#lines.next();
    return { at: this.#lines.next().then(({ value }) => Number(value)) };
  }

  stop(): void {
    this.#child.kill();
  }
}

const at = (values: number[], share: number) =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;

export async function measureScale(world: ServiceLab, report: Report, options: BenchOptions): Promise<void> {
  const { lab, nodes } = world;
  const count = options.count ?? 10_000;
  options.progress(`making ${count} Services`);
  const began = now();
  let next = 0;
  const work = async () => {
    while (next < count) await addService(world, `hollow-${next++}`);
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  report({ name: "services-made", value: (count / (now() - began)) * 1000, unit: "1/s" });
  const probe = new FirstAnswer(lab, nodes.other);
  try {
    options.progress(`one more among ${count}, ${SAMPLES} times`);
    const since: Record<"asked" | "answered", number[]> = { asked: [], answered: [] };
    for (let i = 0; i < SAMPLES; i++) {
      // The low band is not handed out by itself.
      const address = `10.96.0.${100 + i}`;
      const first = await probe.begin(address);
      const times = await addService(world, `more-${i}`, address);
      const answer = await first.at;
      since.asked.push(answer - times.asked);
      since.answered.push(Math.max(0, answer - times.answered));
    }
    report({ name: "service-added-p50", value: at(since.answered, 0.5), unit: "ms" });
    report({ name: "service-added-max", value: at(since.answered, 1), unit: "ms" });
    report({ name: "service-added-since-asked-p50", value: at(since.asked, 0.5), unit: "ms" });
    report({ name: "service-added-since-asked-max", value: at(since.asked, 1), unit: "ms" });
    options.progress("an agent that starts without its table");
    await stopProcess(lab, nodes.other, "agent", "SIGKILL");
    await run("nsenter", [...enterArgs(lab, nodes.other), "nft", "delete", "table", "inet", "berth-proxy"]);
    const before = (await replacements(lab, nodes.other)).length;
    const first = await probe.begin("10.96.0.100");
    const started = now();
    await startAgent(lab, nodes.other);
    report({ name: "agent-started-to-all-served", value: ((await first.at) - started) / 1000, unit: "s" });
    report({ name: "agent-full-resync", value: (await nextReplacement(lab, nodes.other, before)) / 1000, unit: "s" });
  } finally {
    probe.stop();
  }
}

/** Milliseconds that each replacement of the agent's whole table took, as its log says. */
async function replacements(lab: Lab, node: LabNode): Promise<number[]> {
  const lines = (await readFile(logFile(lab, node, "agent"), "utf8")).split("\n");
  return lines
    .filter((line) => line.includes("service rules replaced"))
    .map((line) => (JSON.parse(line) as { millis: number }).millis);
}

/** The one after the first `count`: it is logged a moment after it is in force. */
async function nextReplacement(lab: Lab, node: LabNode, count: number): Promise<number> {
  for (;;) {
    const next = (await replacements(lab, node))[count];
    if (next !== undefined) return next;
    await sleep(50);
  }
}
