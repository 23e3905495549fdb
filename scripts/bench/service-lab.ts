/** A lab of two nodes with a Pod that serves on each and one that asks, for benchmarks of Services. */
import { existsSync } from "node:fs";
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
  /** A program of the host inside a client Pod: what it printed. The two have ports of their own to connect from. */
  inClient(client: "straight" | "through", program: string, args: readonly string[]): Promise<string>;
}

/** iperf3's own port. */
export const IPERF_PORT = 5201;

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
    inClient: (client, program, args) => must(lab, ["exec", client, "--", "chroot", "/host", program, ...args]),
  };
}

async function must(lab: Lab, args: readonly string[], input?: string): Promise<string> {
  const result = await kubectl(lab, args, { input });
  if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** Programs of the host run in a Pod by a read-only mount: the images have none of them. */
const hosted = {
  volumeMounts: [
    { name: "host", mountPath: "/host", readOnly: true },
    // iperf3 makes a file of what it sends.
    { name: "tmp", mountPath: "/host/tmp" },
  ],
};
const volumes = [
  { name: "host", hostPath: { path: "/" } },
  { name: "tmp", emptyDir: {} },
];

const pod = (name: string, node: LabNode, containers: object[]) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: name } },
  spec: { nodeName: node.name, containers, volumes, terminationGracePeriodSeconds: 1 },
});

function server(name: string, node: LabNode): object {
  const iperf = ["chroot", "/host", "/usr/bin/iperf3", "-s", "-p", String(IPERF_PORT)];
  return pod(name, node, [
    { name: "nginx", image: "nginx:latest", imagePullPolicy: "IfNotPresent" },
    { name: "iperf", image: "busybox:latest", imagePullPolicy: "IfNotPresent", command: iperf, ...hosted },
  ]);
}

/** Every port is there to connect from: none is needed twice within a minute. */
const sysctls = [{ name: "net.ipv4.ip_local_port_range", value: "1024 65535" }];

function asker(name: string, node: LabNode): object {
  const command = ["sleep", "3600"];
  const main = { name: "main", image: "busybox:latest", imagePullPolicy: "IfNotPresent", command, ...hosted };
  const asking = pod(name, node, [main]);
  return { ...asking, spec: { ...asking.spec, securityContext: { sysctls } } };
}

const service = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: {
    selector: { app: name },
    ports: [
      { name: "http", port: 80 },
      { name: "iperf", port: IPERF_PORT },
    ],
  },
});
