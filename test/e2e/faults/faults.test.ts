/**
 * What breaks, how long anybody notices, and that nothing is left wrong afterwards. On a lab of its own with quick timers; the
 * figures are printed as a table.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import type { Deployment, EndpointSlice, Node, Pod, Service } from "#api/generated/types.js";
import { labDown } from "#scripts/lab/down.js";
import { addDelay, addFault, heal } from "#scripts/lab/faults.js";
import { powerOff, powerOn } from "#scripts/lab/power.js";
import { restartLab } from "#scripts/lab/power-command.js";
import type { ProcessName } from "#scripts/lab/process-record.js";
import { stopProcess } from "#scripts/lab/processes.js";
import { defaultLabRoot, type LabNode } from "#scripts/lab/state.js";
import { labStatus } from "#scripts/lab/status.js";
import { labUp, startAgent, startDockerd, startServer } from "#scripts/lab/up.js";
import { type Flow, flowsOn, SteadyDatagrams } from "../flows.js";
import { LabSession, nginx, ownLabName, until } from "../lab-session.js";
import { Traffic } from "../traffic.js";
import { faultTable } from "./fault-table.js";

const REPLICAS = 4;
const root = defaultLabRoot();
const options = { name: ownLabName("flt"), root, nodes: 3, images: ["nginx", "busybox"], apiPort: 0 };
const lab = await labUp({ ...options, timers: "quick" });
t.teardown(() => labDown(lab));
const session = new LabSession(lab);
const ns = await session.namespace(t, "faults");
const { note, print } = faultTable();
t.teardown(print);
const [first, second, third] = lab.workers as [LabNode, LabNode, LabNode];

const pods = () => ns.list<Pod>("pods");
const isReady = (pod: Pod) =>
  !pod.metadata.deletionTimestamp && pod.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True");
const allReady = async () => {
  const list = await pods();
  return list.length === REPLICAS && list.every(isReady);
};
async function endpoints(): Promise<string[]> {
  const slices = await ns.list<EndpointSlice>("endpointslices");
  const ready = slices.flatMap((slice) => slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready);
  return ready.map(({ nodeName, addresses }) => `${nodeName} ${addresses[0]}`).sort();
}
const kill = async (node: LabNode, name: ProcessName) =>
  t.ok(await stopProcess(lab, node, name, "SIGKILL"), `${name} was running`);

const web = nginx("web", REPLICAS, { volumes: [{ name: "host", hostPath: { path: "/" } }] }) as Deployment;
// The image knows no UDP: Node.js as the host has it, beside nginx.
const echo = fileURLToPath(new URL("../../fixtures/net-echo.js", import.meta.url));
web.spec.template.spec!.containers.push({
  ...{ name: "udp", image: "busybox:latest", imagePullPolicy: "IfNotPresent" },
  command: ["chroot", "/host", process.execPath, echo, "web", "udp/53"],
  volumeMounts: [{ name: "host", mountPath: "/host", readOnly: true }],
});
const ports = [
  { name: "http", port: 80 },
  { name: "dns", port: 53, protocol: "UDP" },
];
await ns.apply(web, {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { selector: { app: "web" }, ports },
});
await until("all replicas ready", allReady);
const { clusterIP } = (await ns.get<Service>("service", "web")).spec;
// The third node stays whole: it is where the clients are.
const traffic = Traffic.start(lab, third, `http://${clusterIP}/`);
t.teardown(() => traffic.stop());
const datagrams = [...lab.workers].map((node) => SteadyDatagrams.start(lab, node, clusterIP!, 53));
t.teardown(() => Promise.all(datagrams.map((client) => client.stop())));
await until("steady traffic", async () => traffic.quietFor(500));

/** From the fault until no endpoint is on that node any more, and until all replicas are ready on others (ms). */
async function failover(node: LabNode): Promise<{ gone: number; elsewhere: number }> {
  const began = Date.now();
  await until(
    `endpoints left ${node.name}`,
    async () => !(await endpoints()).some((e) => e.startsWith(`${node.name} `)),
  );
  const gone = Date.now() - began;
  const running = async () =>
    (await pods()).filter((p) => isReady(p) && p.spec.nodeName !== node.name).length >= REPLICAS;
  await until(`replicas run elsewhere than on ${node.name}`, running);
  return { gone, elsewhere: Date.now() - began };
}

/** Frontend and backend of every translation on a node; which place a backend has is a node's own business. */
async function translations(node: LabNode): Promise<string[]> {
  const text = await session.on(node, ["nft", "list", "map", "inet", "berth-proxy", "endpoints-tcp"]);
  const pairs = text.matchAll(/([\d.]+) \. (\d+) \. \d+ : ([\d.]+ \. \d+)/g);
  return [...pairs].map(([, ip, port, backend]) => `${ip}:${port} → ${backend}`).sort();
}

/** Flows translated to Pods or from Services that are no more: a node that has just started has none. */
async function strayFlows(node: LabNode): Promise<Flow[]> {
  const of = async <T>(kind: string) =>
    (JSON.parse(await session.kubectl(["get", kind, "-A", "-o", "json"])) as { items: T[] }).items;
  const known = new Set([
    ...(await of<Pod>("pods")).map(({ status }) => status?.podIP),
    ...(await of<Service>("services")).map(({ spec }) => spec.clusterIP),
  ]);
  const serving = new Set((await endpoints()).map((e) => e.split(" ")[1]));
  return (await flowsOn(session, node)).filter(({ protocol, asked, answering }) => {
    if (protocol === "udp" && asked === clusterIP) return !serving.has(answering);
    // One that is not translated finds by itself whoever has the address next.
    return asked !== answering && [asked, answering].some((ip) => /^10\.(96|244)\./.test(ip) && !known.has(ip));
  });
}

/** Nothing of a fault is left: every node translates to the very endpoints there are, routes to the nodes there are. */
async function nothingLeftWrong(test: Test): Promise<void> {
  await until("all replicas ready", allReady);
  const now = Date.now();
  for (const client of datagrams)
    await until("datagrams find who answers", async () => client.ended || client.answeredSince(now));
  // What there is may still change while it is compared.
  const wanted = async () => (await endpoints()).map((e) => `${clusterIP}:80 → ${e.split(" ")[1]} . 80`).sort();
  const nodes = JSON.parse(await session.kubectl(["get", "nodes", "-o", "json"])).items as Node[];
  for (const node of lab.workers) {
    await until(`${node.name} translates to the endpoints there are`, async () => {
      const here = (await translations(node)).filter((line) => line.startsWith(`${clusterIP}:`));
      return here.length === REPLICAS && here.join() === (await wanted()).join();
    });
    const others = nodes.filter(({ metadata }) => metadata.name !== node.name);
    const expected = others.map(
      ({ spec, metadata }) => `${spec.podCIDR} via ${lab.node(metadata.name!).address} dev eth0`,
    );
    const routes = async () => {
      const text = await session.on(node, ["ip", "route", "show", "proto", "119"]);
      return text.split("\n").flatMap((line) => line.match(/^\S+ via \S+ dev eth0/)?.[0] ?? []);
    };
    expected.sort();
    await until("routes", async () => (await routes()).sort().join() === expected.join()).catch(() => undefined);
    test.same((await routes()).sort(), expected, `routes of ${node.name}`);
    let stray: Flow[] = [];
    await until(`${node.name} leads nothing to where nobody is`, async () => {
      stray = await strayFlows(node);
      return stray.length === 0;
    }).catch((error) => test.same(stray, [], error.message));
    await until(`${node.name} runs the Pods it should and no others`, async () => {
      const own = (await pods()).filter(({ spec }) => spec.nodeName === node.name);
      const listed = own.map(({ metadata }) => metadata.uid);
      const labels = await session.docker(node, ["ps", "--format", '{{.Label "io.kubernetes.pod.uid"}}']);
      const running = new Set(labels.split("\n").filter(Boolean));
      return running.size === listed.length && listed.every((uid) => running.has(String(uid)));
    });
  }
}

t.test("agent killed: nobody notices", async (t) => {
  const began = Date.now();
  await kill(first, "agent");
  await sleep(1000);
  await startAgent(lab, first);
  const seen = await traffic.since(began);
  note("agent killed", seen);
  t.equal(seen.failed, 0);
  await nothingLeftWrong(t);
});

t.test("server killed: nobody notices", async (t) => {
  const began = Date.now();
  await kill(lab.server, "server");
  await sleep(1000);
  await startServer(lab);
  const seen = await traffic.since(began);
  note("server killed", seen);
  t.equal(seen.failed, 0);
  await nothingLeftWrong(t);
});

/** What a dead engine may cost before its node's Pods are taken to others: the lab's toleration. */
const TOLERATION_MS = 5000;

t.test("dockerd killed: its containers come back", async (t) => {
  const where = async () => new Map((await pods()).map((pod) => [pod.metadata.name, pod.spec.nodeName]));
  for (let round = 0; ; round++) {
    const before = await where();
    const began = Date.now();
    await kill(first, "dockerd");
    await startDockerd(lab, first);
    const engineAway = Date.now() - began;
    await until("all replicas ready again", async () => (await allReady()) && traffic.quietFor(500));
    note("dockerd killed", await traffic.since(began));
    await nothingLeftWrong(t);
    // On a busy machine the engine may be away for longer than Pods have to wait for it: then the next try counts.
    if (engineAway > TOLERATION_MS / 2 && round < 4) continue;
    t.same(await where(), before, "the same Pods");
    break;
  }
});

t.test("link lossy: slow, and whole again", async (t) => {
  const began = Date.now();
  await addFault(lab, { kind: "loss", a: first.name, percent: 20 });
  await sleep(2000);
  await heal(lab, first.name);
  await until("steady traffic", async () => traffic.quietFor(500));
  note("a fifth of packets lost", await traffic.since(began));
  await nothingLeftWrong(t);
});

t.test("node partitioned: its Pods run elsewhere, and heal leaves nothing", async (t) => {
  const began = Date.now();
  await addFault(lab, { kind: "partition", a: first.name });
  t.match((await labStatus(lab)).faults, [{ kind: "partition", a: first.name }]);
  const { gone, elsewhere } = await failover(first);
  await until("steady traffic", async () => traffic.quietFor(500));
  note("node partitioned", await traffic.since(began), gone, elsewhere);
  t.equal(await heal(lab), 1);
  await until("node ready again", async () => / Ready /.test(await session.kubectl(["get", "node", first.name])));
  await nothingLeftWrong(t);
});

t.test("whole node gone: the same, and it comes back empty", async (t) => {
  const began = Date.now();
  await powerOff(lab, second);
  const { gone, elsewhere } = await failover(second);
  await until("steady traffic", async () => traffic.quietFor(500));
  note("whole node gone", await traffic.since(began), gone, elsewhere);
  await powerOn(lab, second);
  await until("node ready again", async () => / Ready /.test(await session.kubectl(["get", "node", second.name])));
  await nothingLeftWrong(t);
});

t.test("delay is refused by name where the kernel has no netem", async (t) => {
  try {
    await addDelay(lab, first, 10);
    t.equal(await heal(lab, first.name), 1, "netem is there: delayed and healed");
  } catch (error) {
    t.match((error as Error).message, /no netem.*loss.*partition/);
    t.same(lab.faults, []);
  }
});

t.test("the whole lab without power comes back as it was", async (t) => {
  const names = async () => (await pods()).map((pod) => `${pod.metadata.name} ${pod.spec.nodeName}`).sort();
  const ids = async () => (await labStatus(lab)).nodes.flatMap(({ processes }) => Object.values(processes));
  const card = (node: LabNode) => session.on(node, ["ip", "-brief", "link", "show", "eth0"]);
  const cards = async () =>
    (await Promise.all([lab.server, ...lab.workers].map(card))).map((line) => line.split(/\s+/)[2]);
  const cardsBefore = await cards();
  let [before, idsBefore] = [await names(), await ids()];
  for (let round = 1; ; round++) {
    await restartLab(lab);
    let isReplaced = false;
    await until("every container was started again", async () => {
      const counts = (await pods()).map(({ status }) => status?.containerStatuses?.[0]?.restartCount ?? 0);
      isReplaced = (await names()).join() !== before.join();
      return isReplaced ? await allReady() : counts.every((count) => count > 0);
    });
    // On a busy machine nodes may be away for longer than Pods have to wait for them: then the next try counts.
    if (!isReplaced || round === 4) break;
    await nothingLeftWrong(t);
    [before, idsBefore] = [await names(), await ids()];
  }
  await nothingLeftWrong(t);
  t.same(await names(), before, "the same Pods on the same nodes");
  t.same(await cards(), cardsBefore, "which know each other's network cards");
  t.notOk(
    (await ids()).some((id) => idsBefore.includes(id)),
    "other processes",
  );
});
