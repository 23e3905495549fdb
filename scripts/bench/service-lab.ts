/** A lab of two nodes with a Pod that serves on each and one that asks, for benchmarks of Services. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import Docker from "dockerode";
import { RestClient } from "#client/rest.js";
import { kubectl } from "#scripts/lab/kubectl.js";
import { defaultLabRoot, type Lab, type LabNode } from "#scripts/lab/state.js";
import { labUp } from "#scripts/lab/up.js";
import { credentials } from "./server-process.js";

export interface ServiceLab {
  lab: Lab;
  client: RestClient;
  /** The nodes: where the client Pod is, and the other one. */
  nodes: { same: LabNode; other: LabNode };
  /** Addresses of the serving Pods, and of the Services of each. */
  pods: { same: string; other: string };
  services: { same: string; other: string };
  /** Starts a program of the host in the network of a client Pod. The two have ports of their own to connect from. */
  inClient(client: Client, program: string, args: readonly string[]): ChildProcess;
}

export type Client = "straight" | "through";

/** One iperf3 serves one test at a time: both clients have one. */
export const IPERF_PORTS: Readonly<Record<Client, number>> = { straight: 5201, through: 5202 };

export const SERVICE_LAB = "benchsvc";

export async function makeServiceLab(): Promise<Lab> {
  for (const program of ["/usr/bin/wrk", "/usr/bin/iperf3"])
    if (!existsSync(program)) throw new Error(`${program} is missing: apt-get install wrk iperf3`);
  // A machine this busy is no reason to call a node dead and to move its Pods.
  const timers = "kubernetes";
  const images = ["nginx", "busybox"];
  return labUp({ name: SERVICE_LAB, root: defaultLabRoot(), nodes: 2, images, apiPort: 0, timers });
}

export async function openServiceLab(lab: Lab): Promise<ServiceLab> {
  const [same, other] = lab.workers as [LabNode, LabNode];
  const objects = [
    server("same", same),
    server("other", other),
    asker("straight", same),
    asker("through", same),
    service("same"),
    service("other"),
  ];
  await must(lab, ["apply", "-f", "-"], objects.map((object) => `---\n${JSON.stringify(object)}\n`).join(""));
  await must(lab, [
    "wait",
    "--for=condition=Ready",
    "--timeout=90s",
    ...["same", "other", "straight", "through"].map((name) => `pod/${name}`),
  ]);
  const read = (kind: string, name: string, path: string) => must(lab, ["get", kind, name, "-o", `jsonpath={${path}}`]);
  const processIds = await clientProcesses(lab.dockerSocket(same));
  const { ca, cert, key } = credentials(lab.kubeconfig);
  return {
    lab,
    client: new RestClient({
      server: `https://127.0.0.1:${lab.state.apiPort}`,
      ...{ ca, certificate: cert, key, userAgent: "berth-bench/1" },
    }),
    nodes: { same, other },
    pods: { same: await read("pod", "same", ".status.podIP"), other: await read("pod", "other", ".status.podIP") },
    services: {
      same: await read("service", "same", ".spec.clusterIP"),
      other: await read("service", "other", ".spec.clusterIP"),
    },
    // nsenter becomes the program: what is sent to its process id is sent to the program.
    inClient: (client, program, args) =>
      spawn("nsenter", ["--target", String(processIds[client]), "--net", program, ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
  };
}

/** A process of each client Pod. */
async function clientProcesses(socketPath: string): Promise<Record<Client, number>> {
  const docker = new Docker({ socketPath });
  const find = async (pod: Client) => {
    const label = `io.kubernetes.pod.name=${pod}`;
    const [container] = await docker.listContainers({ filters: { label: [label] } });
    return (await docker.getContainer(container!.Id).inspect()).State.Pid;
  };
  return { straight: await find("straight"), through: await find("through") };
}

async function must(lab: Lab, args: readonly string[], input?: string): Promise<string> {
  const result = await kubectl(lab, args, { input });
  if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

const pod = (name: string, node: LabNode, spec: object) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: name } },
  spec: { nodeName: node.name, terminationGracePeriodSeconds: 1, ...spec },
});

/** iperf3 is of the host: the images have none. */
function server(name: string, node: LabNode): object {
  const iperf = (port: number) => ({
    name: `iperf-${port}`,
    image: "busybox:latest",
    imagePullPolicy: "IfNotPresent",
    command: ["chroot", "/host", "/usr/bin/iperf3", "-s", "-p", String(port)],
    volumeMounts: [
      { name: "host", mountPath: "/host", readOnly: true },
      // It makes a file of what it sends.
      { name: "tmp", mountPath: "/host/tmp" },
    ],
  });
  const nginx = { name: "nginx", image: "nginx:latest", imagePullPolicy: "IfNotPresent" };
  const volumes = [
    { name: "host", hostPath: { path: "/" } },
    { name: "tmp", emptyDir: {} },
  ];
  return pod(name, node, { containers: [nginx, ...Object.values(IPERF_PORTS).map(iperf)], volumes });
}

/** Every port is there to connect from: none is needed twice within a minute. */
const sysctls = [{ name: "net.ipv4.ip_local_port_range", value: "1024 65535" }];

function asker(name: Client, node: LabNode): object {
  const command = ["sleep", "3600"];
  const main = { name: "main", image: "busybox:latest", imagePullPolicy: "IfNotPresent", command };
  return pod(name, node, { containers: [main], securityContext: { sysctls } });
}

const service = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: {
    selector: { app: name },
    ports: [{ name: "http", port: 80 }, ...Object.values(IPERF_PORTS).map((port) => ({ name: `iperf-${port}`, port }))],
  },
});
