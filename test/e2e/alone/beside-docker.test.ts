/**
 * Berth and plain Docker on one node whose FORWARD policy drops, as Docker leaves it on a stock host: Pods and Docker's own
 * containers, published ports and networks all work, before and after a restart of the engine.
 */
import t from "tap";
import type { Pod, Service } from "#api/generated/types.js";
import { stopProcess } from "#scripts/lab/processes.js";
import { startDockerd } from "#scripts/lab/up.js";
import { openLab, until } from "../lab-session.js";
import { type Asker, fetch, fromNode, fromPod, netserver } from "../netserver.js";

const session = await openLab(t);
const { lab } = session;
const [one, two] = lab.workers as [(typeof lab.workers)[0], (typeof lab.workers)[0]];
const ns = await session.namespace(t, "beside-docker");
const docker = (...args: string[]) => session.docker(one, args);
const iptables = (...args: string[]) => session.on(one, ["iptables", "-w", ...args]);
const page = (name: string) => `mkdir /www; echo ${name} > /www/hostname; exec busybox httpd -f -p 80 -h /www`;

/** Containers of Docker's own: one on its bridge with a published port, two on a network of their own. */
async function startContainers(): Promise<void> {
  const start = (name: string, ...args: string[]) =>
    docker(
      "run",
      "-d",
      "--name",
      name,
      "--restart=always",
      "--stop-signal=KILL",
      ...args,
      "busybox:latest",
      "sh",
      "-c",
      page(name),
    );
  await docker("network", "create", "plain-net");
  await start("plain", "-p", "18080:80");
  await start("db", "--network=plain-net");
  await start("app", "--network=plain-net", "-p", "18081:80");
}

const policy = /-P FORWARD (\w+)/.exec(await iptables("-S", "FORWARD"))?.[1] ?? "ACCEPT";
t.teardown(async () => {
  await docker("rm", "-f", "plain", "db", "app").catch(() => undefined);
  await docker("network", "rm", "plain-net").catch(() => undefined);
  await iptables("-P", "FORWARD", policy);
});
await iptables("-P", "FORWARD", "DROP");
await startContainers();
await ns.apply(
  netserver("web", { ports: [{ containerPort: 8083, hostPort: 8091 }] }, { nodeName: one.name }),
  netserver("beside", {}, { nodeName: one.name }),
  netserver("far", {}, { nodeName: two.name }),
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "far" },
    spec: { selector: { app: "far" }, ports: [{ port: 80, targetPort: 8083 }] },
  },
);
await ns.kubectl(["label", "pod", "far", "app=far"]);
await ns.kubectl(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=180s"]);

const inContainer =
  (name: string): Asker =>
  async (command) =>
    (await docker("exec", name, ...command).catch(() => "")).trim();

/** Asks until the answer is the right one: after a restart a container, or a Pod's new address, may take its moment. */
async function everyoneIsReached(): Promise<void> {
  const ip = async (name: string) => (await ns.get<Pod>("pod", name)).status?.podIP ?? "0.0.0.0";
  const [outside, node, web, far] = [
    fromNode(ns, lab.server),
    fromNode(ns, one),
    fromPod(ns, "web"),
    fromPod(ns, "far"),
  ];
  const { clusterIP } = (await ns.get<Service>("service", "far")).spec;
  const plain = inContainer("plain");
  const wanted: readonly [what: string, page: string, ask: () => Promise<string>][] = [
    ["pod to pod of another node", "far", async () => fetch(web, await ip("far"))],
    ["and back", "web", async () => fetch(far, await ip("web"))],
    ["pod to pod of its node", "beside", async () => fetch(web, await ip("beside"))],
    ["pod to Service", "far", () => fetch(web, clusterIP!, 80)],
    ["outside to host port", "web", () => fetch(outside, one.address, 8091)],
    ["outside to published port", "plain", () => fetch(outside, one.address, 18080)],
    ["outside to published port of a network", "app", () => fetch(outside, one.address, 18081)],
    ["node to published port", "plain", () => fetch(node, "127.0.0.1", 18080)],
    ["pod to published port", "plain", () => fetch(web, one.address, 18080)],
    ["pod of another node to published port", "plain", () => fetch(far, one.address, 18080)],
    ["container to pod of its node", "web", async () => fetch(plain, await ip("web"))],
    ["container to pod of another node", "far", async () => fetch(plain, await ip("far"))],
    ["container to container by name", "db", () => fetch(inContainer("app"), "db", 80)],
  ];
  await Promise.all(wanted.map(([what, page, ask]) => until(`${what}: ${page}`, async () => (await ask()) === page)));
}

/** Docker keeps its networks apart, and we do not open them. */
async function dockerIsolates(): Promise<boolean> {
  const address = await docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "db");
  return (await fetch(inContainer("plain"), address.trim(), 80)) === "";
}

t.test("pods and containers, side by side", async (t) => {
  await everyoneIsReached();
  t.ok(await dockerIsolates());
});

t.test("the same after the engine was restarted, and somebody has emptied our chain meanwhile", async (t) => {
  await stopProcess(lab, one, "dockerd", "SIGTERM", 30_000);
  await iptables("-F", "DOCKER-USER");
  await startDockerd(lab, one);
  const began = performance.now();
  await until("our rules", async () => (await iptables("-S", "DOCKER-USER")).split("berth pods").length === 3);
  t.comment(`rules back ${Math.round(performance.now() - began)} ms after the engine`);
  t.match(await iptables("-S", "FORWARD"), "-P FORWARD DROP");
  await everyoneIsReached();
  t.ok(await dockerIsolates());
});
