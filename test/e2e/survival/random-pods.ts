/** Carries out what was planned at random: operations through the API and the engine, kills through the lab. */
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import type { Pod } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { configMaps, pods } from "#api/refs.js";
import type { RestClient } from "#client/rest.js";
import { stopProcess } from "#scripts/lab/processes.js";
import type { Lab, LabNode } from "#scripts/lab/state.js";
import { startAgent, startDockerd } from "#scripts/lab/up.js";
import type { Kill, Operation, Plan, PlannedPod } from "./random-plan.js";

export interface Stage {
  lab: Lab;
  node: LabNode;
  client: RestClient;
  namespace: string;
  /** One line for each thing done. */
  log(line: string): void;
}

/** Files whose being there a probed container's probes look for. */
export const UNREADY = "/tmp/unready";
const SICK = "/tmp/sick";
/** Ends at once when told to. */
const WAIT = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"];
const START_PATIENCE_MS = 1_200;
const ENGINE_PATIENCE_MS = 20_000;

export async function carryOutPlan(stage: Stage, plan: Plan): Promise<void> {
  const { client, namespace } = stage;
  const data = { file: "content", other: "more" };
  await client.create(configMaps, {
    ...{ apiVersion: "v1", kind: "ConfigMap", data },
    metadata: { name: "config", namespace },
  });
  let begun = 0;
  let tell: () => void = () => undefined;
  const lane = async (operations: Operation[]) => {
    for (const operation of operations) {
      await sleep(operation.pauseMs);
      begun++;
      tell();
      stage.log(`${operation.verb} ${operation.pod}`);
      await carryOut(stage, operation);
    }
  };
  const reached = async (count: number) => {
    while (begun < count) await new Promise<void>((resolve) => (tell = resolve));
  };
  const kills = async () => {
    for (const kill of plan.kills) {
      await reached(kill.after);
      await carryOutKill(stage, kill);
    }
  };
  await Promise.all([kills(), ...plan.lanes.map(lane)]);
}

async function carryOut(stage: Stage, operation: Operation): Promise<void> {
  const { client, namespace } = stage;
  const { pod: name } = operation;
  const patch = (body: object) =>
    client.patch(pods, name, { type: "application/strategic-merge-patch+json", body }, { namespace });
  switch (operation.verb) {
    case "create":
      return void (await client.create(pods, podOf(operation.planned, namespace)));
    case "label":
      return void (await patch({ metadata: { labels: { at: operation.label } } }));
    case "image":
      return void (await patch({ spec: { containers: [{ name: "main", image: operation.image }] } }));
    case "delete":
      return void (await client.delete(pods, name, namespace));
    case "crash":
      return inEngine(stage, name, (container) => container.kill());
    case "unready":
      return inEngine(stage, name, (container) => execIn(container, ["touch", UNREADY]));
    case "ready":
      return inEngine(stage, name, (container) => execIn(container, ["rm", "-f", UNREADY]));
    case "sicken":
      return inEngine(stage, name, (container) => execIn(container, ["touch", SICK]));
  }
}

/** Does something to the Pod's running container, if one runs soon. The engine may be dead for a while. */
async function inEngine(
  { lab, node, namespace, log }: Stage,
  pod: string,
  act: (container: Docker.Container) => Promise<unknown>,
): Promise<void> {
  const docker = new Docker({ socketPath: lab.dockerSocket(node) });
  const label = [`io.kubernetes.pod.name=${pod}`, `io.kubernetes.pod.namespace=${namespace}`];
  const filters = { label: [...label, "io.kubernetes.container.name=main"] };
  const began = performance.now();
  for (;;) {
    try {
      const [found] = await docker.listContainers({ filters });
      if (!found && performance.now() - began > START_PATIENCE_MS) return log(`  (nothing of ${pod} runs)`);
      if (found) return void (await act(docker.getContainer(found.Id)));
    } catch (error) {
      // 404 and 409: it has ended meanwhile.
      const { statusCode } = error as { statusCode?: number };
      if (statusCode === 404 || statusCode === 409) return;
      if (performance.now() - began > ENGINE_PATIENCE_MS) throw error;
    }
    await sleep(100);
  }
}

async function execIn(container: Docker.Container, command: string[]): Promise<void> {
  const exec = await container.exec({ Cmd: command });
  await exec.start({ Detach: true });
}

async function carryOutKill(stage: Stage, { victims, delayMs, downMs, againMs }: Kill): Promise<void> {
  await sleep(delayMs);
  await killAndStart(stage, victims, downMs);
  if (againMs === undefined) return;
  await sleep(againMs);
  await killAndStart(stage, ["agent"], 0);
}

async function killAndStart({ lab, node, log }: Stage, victims: Kill["victims"], downMs: number): Promise<void> {
  log(`kill -9 ${victims.join(", ")}`);
  await Promise.all(victims.map((name) => stopProcess(lab, node, name, "SIGKILL")));
  await sleep(downMs);
  if (victims.includes("dockerd")) await startDockerd(lab, node);
  if (victims.includes("agent")) await startAgent(lab, node);
  log(`started ${victims.join(", ")}`);
}

const exec = (file: string) => ({ exec: { command: ["sh", "-c", `test ! -e ${file}`] } });
const often = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 5 };

export function podOf({ name, shape, label, image, exitCode }: PlannedPod, namespace: string): Draft<Pod> {
  const container = { name: "main", image, imagePullPolicy: "IfNotPresent", command: WAIT };
  const other = { ...container, name: "other" };
  const probes = { readinessProbe: { ...exec(UNREADY), ...often }, livenessProbe: { ...exec(SICK), ...often } };
  const limits = { limits: { cpu: "50m", memory: "16Mi" } };
  const specs: Record<typeof shape, Partial<Pod["spec"]>> = {
    plain: { containers: [container] },
    volumes: { containers: [{ ...container, volumeMounts: MOUNTS }, other], volumes: VOLUMES },
    init: {
      initContainers: [{ ...container, name: "before", command: ["sh", "-c", "sleep 0.2"] }],
      containers: [container, other],
    },
    probed: { containers: [{ ...container, ...probes }] },
    once: {
      containers: [{ ...container, command: ["sh", "-c", `sleep 0.5; exit ${exitCode}`] }],
      restartPolicy: "Never",
    },
    guaranteed: { containers: [{ ...container, resources: limits }] },
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { at: label } },
    spec: { terminationGracePeriodSeconds: 1, containers: [], ...specs[shape] },
  };
}

const VOLUMES: NonNullable<Pod["spec"]["volumes"]> = [
  { name: "memory", emptyDir: { medium: "Memory" } },
  { name: "disk", emptyDir: {} },
  { name: "config", configMap: { name: "config" } },
  { name: "labels", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
];

const MOUNTS = [
  { name: "memory", mountPath: "/memory" },
  { name: "disk", mountPath: "/disk" },
  { name: "config", mountPath: "/one", subPath: "file" },
  { name: "labels", mountPath: "/labels" },
];
