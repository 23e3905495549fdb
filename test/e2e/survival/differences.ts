/** Where what the API says of a node's Pods, what was asked for, and what is on the node do not agree. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { DEFAULT_RESTART_BACKOFF, nextStart } from "#agent/pods/restart-backoff.js";
import type { ContainerState } from "#agent/runtime/runtime.js";
import type { ContainerStatus, Pod } from "#api/generated/types.js";
import type { Lab, LabNode } from "#scripts/lab/state.js";
import { type EngineContainer, type NodeTruth, podDirectory } from "./node-truth.js";
import type { PlannedPod } from "./random-plan.js";
import { UNREADY } from "./random-pods.js";

/** A back-off that is over is acted on within this time, ms. */
const BACKOFF_SLACK = 3_000;

/** Unready containers by id, as their own probe would find them. */
export type Unready = ReadonlySet<string>;

/** @param planned all Pods there are to be, by name */
export function differences(
  pods: readonly Pod[],
  planned: ReadonlyMap<string, PlannedPod>,
  truth: NodeTruth,
  unready: Unready,
): string[] {
  const found: string[] = [];
  const names = new Set(pods.map(({ metadata }) => metadata.name));
  for (const name of planned.keys()) if (!names.has(name)) found.push(`${name}: not in the API`);
  for (const pod of pods) {
    const wanted = planned.get(pod.metadata.name);
    const own = truth.containers.filter(({ uid }) => uid === pod.metadata.uid);
    if (!wanted) found.push(`${pod.metadata.name}: still in the API`);
    else found.push(...podDifferences(pod, wanted, own, truth, unready).map((text) => `${pod.metadata.name}: ${text}`));
  }
  return [...found, ...leftovers(pods, truth)];
}

/** What there is on the node of Pods that are not there, or have ended. */
export function leftovers(pods: readonly Pod[], truth: NodeTruth): string[] {
  const uids = new Set(pods.map(({ metadata }) => metadata.uid));
  const live = pods.filter((pod) => !isTerminal(pod));
  const liveUids = new Set(live.map(({ metadata }) => metadata.uid));
  const sandboxes = new Set(truth.containers.filter((c) => c.name === "" && c.running).map(({ id }) => id));
  const strange = (what: string, all: readonly string[], known: (one: string) => boolean) =>
    all.filter((one) => !known(one)).map((one) => `${what} ${one} belongs to no Pod`);
  const twice = truth.containers.filter(
    (one) =>
      one.running &&
      truth.containers.some((c) => c.running && c.id < one.id && c.uid === one.uid && c.name === one.name),
  );
  return [
    ...truth.containers.filter(({ uid }) => !uids.has(uid)).map((c) => `container ${describe(c)} belongs to no Pod`),
    ...twice.map((c) => `container ${describe(c)} runs twice`),
    ...truth.engineVolumes.map((name) => `volume ${name} of the engine`),
    ...strange("directory", truth.directories, (uid) => uids.has(uid)),
    ...strange("mount", truth.mounts, (path) => liveUids.has(path.split("/pods/")[1]!.split("/")[0]!)),
    ...truth.cgroups.filter(({ uid }) => !liveUids.has(uid)).map(({ text }) => `cgroup of no Pod: ${text}`),
    ...[...truth.reservations]
      .filter(([, id]) => !sandboxes.has(id))
      .map(([ip, id]) => `${ip} is kept for ${id.slice(0, 12)}`),
    ...strange("attachment", truth.attachments, (name) => [...sandboxes].some((id) => name.includes(id))),
    ...(truth.reservations.size === live.length
      ? []
      : [`${truth.reservations.size} addresses for ${live.length} Pods`]),
    ...(truth.links === live.length ? [] : [`${truth.links} links for ${live.length} Pods`]),
  ];
}

const isTerminal = ({ status }: Pod) => /Succeeded|Failed/.test(status?.phase ?? "");
const describe = ({ pod, name, attempt, id, running }: EngineContainer) =>
  `${pod}/${name || "sandbox"}#${attempt} ${id.slice(0, 12)}${running ? "" : " (ended)"}`;

function podDifferences(
  pod: Pod,
  wanted: PlannedPod,
  own: EngineContainer[],
  truth: NodeTruth,
  unready: Unready,
): string[] {
  const { metadata, spec, status } = pod;
  const found: string[] = [];
  if (metadata.deletionTimestamp) found.push("is still being deleted");
  if (metadata.labels?.["at"] !== wanted.label) found.push(`label ${metadata.labels?.["at"]}, not ${wanted.label}`);
  if (spec.containers[0]?.image !== wanted.image) found.push(`image ${spec.containers[0]?.image}, not ${wanted.image}`);
  const sandboxes = own.filter(({ name }) => name === "");
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  for (const { name } of spec.containers)
    found.push(
      ...containerDifferences(
        pod,
        name,
        statuses.find((s) => s.name === name),
        own,
        unready,
      ),
    );
  const many = new Set(own.map(({ name }) => name));
  for (const name of many)
    if (own.filter((c) => c.name === name).length > (name === "" ? 1 : 2))
      found.push(`too many of ${name || "sandbox"} are kept`);
  if (wanted.shape === "once") return [...found, ...endDifferences(pod, wanted, own)];
  const [sandbox] = sandboxes.filter(({ running }) => running);
  if (!sandbox) return [...found, "no sandbox runs"];
  if (truth.reservations.get(status?.podIP ?? "") !== sandbox.id) found.push(`${status?.podIP} is not its sandbox's`);
  if (status?.phase !== "Running") found.push(`phase ${status?.phase}`);
  const allReady = (status?.containerStatuses ?? []).every(({ ready }) => ready);
  const condition = status?.conditions?.find(({ type }) => type === "Ready")?.status;
  if (condition !== (allReady ? "True" : "False")) found.push(`condition Ready is ${condition}`);
  for (const { name } of spec.initContainers ?? [])
    if (statuses.find((s) => s.name === name)?.state?.terminated?.exitCode !== 0)
      found.push(`init ${name} has not ended well`);
  return found;
}

function endDifferences({ status }: Pod, { exitCode }: PlannedPod, own: EngineContainer[]): string[] {
  const found: string[] = [];
  const { phase, containerStatuses } = status ?? {};
  // An engine that dies takes a container with it: that is an end too.
  const code = containerStatuses?.[0]?.state?.terminated?.exitCode;
  if (phase !== (code === 0 ? "Succeeded" : "Failed")) found.push(`phase ${phase} after exit code ${code}`);
  if (code !== exitCode && code !== 137 && code !== 255) found.push(`exit code ${code}, not ${exitCode}`);
  if (own.some(({ running }) => running)) found.push("something of it still runs");
  return found;
}

function containerDifferences(
  pod: Pod,
  name: string,
  status: ContainerStatus | undefined,
  own: EngineContainer[],
  unready: Unready,
): string[] {
  const attempts = own.filter((c) => c.name === name).sort((a, b) => b.attempt - a.attempt);
  const [latest] = attempts;
  if (!status) return [`${name} has no status`];
  if (!latest) return [`the engine has no ${name}`];
  const found: string[] = [];
  const { running, waiting, terminated } = status.state ?? {};
  if (latest.running) {
    if (!running) found.push(`${name} runs, the API says ${JSON.stringify(status.state)}`);
    const ready = !unready.has(latest.id);
    if (status.ready !== ready) found.push(`${name} is ${ready ? "ready" : "not ready"}, the API says ${status.ready}`);
    const image = pod.spec.containers.find((c) => c.name === name)?.image;
    if (latest.image !== image) found.push(`${name} runs ${latest.image}, not ${image}`);
  } else if (running) found.push(`${name} does not run, the API says it does`);
  else if (waiting && !inBackOff(latest)) found.push(`${name} waits for ${waiting.reason} and nothing happens`);
  else if (terminated && pod.spec.restartPolicy !== "Never") found.push(`${name} has ended and is not started again`);
  if (!waiting && status.containerID !== `docker://${latest.id}`) found.push(`${name}: the API has another id`);
  if (status.restartCount !== latest.attempt)
    found.push(`${name}: ${status.restartCount} restarts, not ${latest.attempt}`);
  return found;
}

function inBackOff(latest: EngineContainer): boolean {
  const { finishedAt, startedAt, labels } = latest;
  const ended = { finishedAt, startedAt, labels, createdAt: startedAt } as ContainerState;
  return Date.now() < nextStart(ended, DEFAULT_RESTART_BACKOFF, Date.now()).at + BACKOFF_SLACK;
}

/** Which of the running containers of probed Pods are unready, by looking into each. */
export async function unreadyContainers(
  lab: Lab,
  node: LabNode,
  planned: ReadonlyMap<string, PlannedPod>,
  { containers }: NodeTruth,
): Promise<Unready> {
  const docker = new Docker({ socketPath: lab.dockerSocket(node) });
  const probed = containers.filter((c) => c.running && c.name && planned.get(c.pod)?.shape === "probed");
  const looked = probed.map(async ({ id }) => {
    const { State } = await docker.getContainer(id).inspect();
    return existsSync(`/proc/${State.Pid}/root${UNREADY}`) ? [id] : [];
  });
  return new Set((await Promise.all(looked)).flat());
}

/** The Pods whose file of labels does not show their label. */
export function staleLabelFiles(lab: Lab, node: LabNode, pods: readonly Pod[]): string[] {
  const shown = pods.filter(({ spec }) => spec.volumes?.some(({ name }) => name === "labels"));
  return shown.flatMap(({ metadata: { name, uid, labels } }) => {
    const file = join(podDirectory(lab, node, uid), "volumes/kubernetes.io~downward-api/labels/labels");
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return text.includes(`at="${labels?.["at"]}"`) ? [] : [`${name}: its volume shows ${JSON.stringify(text)}`];
  });
}
