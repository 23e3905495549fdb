/** Everything a node holds for Pods, as the engine, the kernel and the disk have it: nothing the agent says is asked. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { enterArgs } from "#scripts/lab/namespaces.js";
import { processId } from "#scripts/lab/processes.js";
import type { Lab, LabNode } from "#scripts/lab/state.js";
import { run } from "#scripts/run.js";

export interface EngineContainer {
  id: string;
  uid: string;
  pod: string;
  /** "" for a sandbox. */
  name: string;
  attempt: number;
  running: boolean;
  image: string;
  /** Milliseconds since the epoch; 0 when it has not ended. */
  finishedAt: number;
  startedAt: number;
  exitCode: number;
  labels: Readonly<Record<string, string>>;
}

export interface NodeTruth {
  containers: EngineContainer[];
  engineVolumes: string[];
  /** Uids with a directory. */
  directories: string[];
  /** Mount points below the Pods' directories. */
  mounts: string[];
  /** Sandbox ids by reserved address. */
  reservations: Map<string, string>;
  /** Names of the network's journal entries. */
  attachments: string[];
  /** Links of Pods on the node's side. */
  links: number;
  /** Pods' cgroups by path, and what runs in them, of every hierarchy. */
  cgroups: { uid: string; text: string }[];
}

const agentFolder = (lab: Lab, node: LabNode) => join(lab.nodeDirectory(node), "berth/agent");
export const podDirectory = (lab: Lab, node: LabNode, uid: string) => join(agentFolder(lab, node), "pods", uid);

export async function nodeTruth(lab: Lab, node: LabNode): Promise<NodeTruth> {
  const docker = new Docker({ socketPath: lab.dockerSocket(node) });
  const agent = agentFolder(lab, node);
  const agentId = await processId(lab, node, "agent");
  const mountinfo = readFileSync(`/proc/${agentId}/mountinfo`, "utf8");
  const links = await run("nsenter", [...enterArgs(lab, node), "ip", "-o", "link", "show", "type", "veth"]);
  return {
    containers: await engineContainers(docker),
    engineVolumes: (await docker.listVolumes()).Volumes?.map(({ Name }) => Name) ?? [],
    directories: entries(join(agent, "pods")),
    mounts: [...mountinfo.matchAll(/ (\/var\/lib\/berth\/agent\/pods\/\S+) /g)].map(([, path]) => path!),
    reservations: reservations(join(agent, "cni/networks")),
    attachments: entries(join(agent, "cni/results")),
    // eth0, the node's own link to the lab switch, is a veth too.
    links: links.split("\n").filter(Boolean).length - 1,
    cgroups: cgroups(lab.cgroupRoot(node)),
  };
}

const entries = (folder: string) => ifThere(() => readdirSync(folder)) ?? [];

/** What reading says of a file that is not there, and of a cgroup's that has gone since it was opened. */
const GONE = ["ENOENT", "ENODEV"];

/** Undefined when it has gone, or was never there. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (GONE.includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

async function engineContainers(docker: Docker): Promise<EngineContainer[]> {
  const list = await docker.listContainers({ all: true, filters: { label: ["io.kubernetes.pod.uid"] } });
  const found = list.map(async ({ Id }) => {
    try {
      return [containerOf(await docker.getContainer(Id).inspect())];
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return [];
      throw error;
    }
  });
  return (await Promise.all(found)).flat();
}

function containerOf({ Id, Name, State, Config }: Docker.ContainerInspectInfo): EngineContainer {
  const label = (name: string) => Config.Labels[`io.kubernetes.${name}`] ?? "";
  const sandbox = label("docker.type") === "podsandbox";
  return {
    id: Id,
    uid: label("pod.uid"),
    pod: label("pod.name"),
    name: sandbox ? "" : label("container.name"),
    attempt: Number(Name.split("_").at(-1)),
    running: State.Running,
    image: Config.Labels["io.berth.image-ref"] ?? Config.Image,
    startedAt: Date.parse(State.StartedAt),
    finishedAt: State.FinishedAt.startsWith("0001-") ? 0 : Date.parse(State.FinishedAt),
    exitCode: State.ExitCode,
    labels: Config.Labels,
  };
}

/** host-local's own layout: a file an address, with the container's id in its first line. */
function reservations(networks: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const network of entries(networks))
    for (const address of entries(join(networks, network)).filter((name) => /^\d+\.\d+\.\d+\.\d+$/.test(name))) {
      const owner = ifThere(() => readFileSync(join(networks, network, address), "utf8"));
      if (owner !== undefined) found.set(address, owner.split(/\r?\n/)[0]!);
    }
  return found;
}

const HIERARCHIES = "/sys/fs/cgroup";

function cgroups(root: string): NodeTruth["cgroups"] {
  const bases = [HIERARCHIES, ...entries(HIERARCHIES).map((name) => join(HIERARCHIES, name))];
  const levels = bases.flatMap((base) => ["", "burstable", "besteffort"].map((l) => join(base, root, "kubepods", l)));
  return levels.flatMap((folder) =>
    entries(folder).flatMap((name) =>
      name.startsWith("pod") ? [{ uid: name.slice("pod".length), text: contentOf(join(folder, name)) }] : [],
    ),
  );
}

/** A cgroup with its children and the programs in them. */
function contentOf(folder: string): string {
  const programs = (ifThere(() => readFileSync(join(folder, "cgroup.procs"), "utf8")) ?? "")
    .split("\n")
    .filter(Boolean);
  const words = programs.map(
    (pid) =>
      `${pid} ${ifThere(() => readFileSync(`/proc/${pid}/stat`, "utf8"))
        ?.split(" ")
        .slice(1, 4)
        .join(" ")}`,
  );
  const children = (ifThere(() => readdirSync(folder, { withFileTypes: true })) ?? []).filter((e) => e.isDirectory());
  return [folder, ...words, ...children.map(({ name }) => contentOf(join(folder, name)))].join("; ");
}
