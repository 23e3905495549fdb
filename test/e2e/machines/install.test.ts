import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import type { Pod, Service } from "#api/generated/types.js";
import type { KubeList } from "#api/object.js";
import { labDown } from "#scripts/lab/down.js";
import { imageFile, loadImage } from "#scripts/lab/images.js";
import { kubectl } from "#scripts/lab/kubectl.js";
import { parseInits } from "#scripts/lab/machine.js";
import { enterArgs } from "#scripts/lab/namespaces.js";
import { powerOff, powerOn } from "#scripts/lab/power.js";
import { processId } from "#scripts/lab/processes.js";
import { defaultLabRoot, type LabNode } from "#scripts/lab/state.js";
import { labUp } from "#scripts/lab/up.js";
import { type RunResult, run, runAny } from "#scripts/run.js";
import { nginx, ownLabName, until } from "../lab-session.js";

/**
 * ./scripts/install as its user runs it, on two machines of their own that have nothing of Berth on them and no Docker Engine
 * running. The first has systemd where this host has it, the second an init that knows nothing but /etc/rc2.d.
 */
const [init = "sysv"] = parseInits("");
const lab = await labUp({
  name: ownLabName("vm"),
  root: defaultLabRoot(),
  nodes: 2,
  images: [],
  apiPort: 0,
  vm: [init, "sysv"],
});
t.teardown(() => labDown(lab));
const [first, second] = lab.workers as [LabNode, LabNode];
const SERVER = `https://${first.address}:6443`;

const on = (machine: LabNode, ...command: string[]) =>
  runAny("nsenter", [...enterArgs(lab, machine), ...command], { timeoutMs: 120_000 });
/** As typed into a shell, in the clone. */
const type = (machine: LabNode, line: string) => on(machine, "sh", "-c", `cd ${process.cwd()} && ${line}`);

const INVENTORY = `
echo == links; ip -o link | cut -d: -f2 | cut -d@ -f1
echo == routes; ip -4 route; ip -6 route
echo == rules; nft list ruleset
echo == mounts; cut -d' ' -f5 /proc/self/mountinfo | grep -v ^/proc/sys/fs/binfmt_misc
echo == forwarding; cat /proc/sys/net/ipv4/ip_forward
echo == processes; ps -eo comm= | grep -vE '^(sh|ps|grep|systemd.*)$'
echo == cgroups; find /sys/fs/cgroup/ -type d | grep -vE '/(init.scope|user.slice|system.slice)'`;

/** What a machine consists of, as far as Berth could have changed it. */
async function inventory(machine: LabNode): Promise<Record<string, string[]>> {
  const folder = lab.nodeDirectory(machine);
  // Built files and kubectl's cache are the test's own; what is below the engine's folders is the engine's. Devices are how the
  // disk says that a file of this host is not there.
  const others = [
    `disk${process.cwd()}`,
    "disk/root/.kube",
    "own/var/lib/docker",
    "own/run/docker",
    "own/run/containerd",
    "disk/var/lib/containerd",
  ];
  const prune = others.flatMap((path) => ["-path", join(folder, path), "-prune", "-o"]);
  const kinds = ["!", "-type", "d", "!", "-type", "c"];
  const found = await run("find", [join(folder, "disk"), join(folder, "own"), ...prune, ...kinds, "-print"]);
  const files = found
    .split("\n")
    .map((path) => path.slice(folder.length))
    .filter(
      (path) =>
        path &&
        !/^.own.run.(utmp|xtables|systemd|log|docker)|.tmp.containerd..*.stacks.log|.etc.rc..d.[SK]..docker$/.test(
          path,
        ),
    );
  const parts = (await on(machine, "sh", "-c", INVENTORY)).stdout.split("== ").slice(1);
  const named = parts.map((part) => {
    const [name, ...lines] = part.trim().split("\n");
    return [name!, lines.sort()] as const;
  });
  return { ...Object.fromEntries(named), files: files.sort() };
}

/** A firewall that lets everything through and remembers what it was told. */
const FIREWALL = "/usr/local/sbin/ufw";
const firewallSays = async () => (await on(second, "cat", "/tmp/ufw.log")).stdout.split("\n").filter(Boolean);
async function raiseFirewall(): Promise<void> {
  const script = `#!/bin/sh\n[ "$1" = status ] && echo Status: active || echo "$*" >>/tmp/ufw.log\n`;
  await on(second, "sh", "-c", `printf '%s' '${script}' >${FIREWALL}; chmod +x ${FIREWALL}; : >/tmp/ufw.log`);
}

const pristine = new Map(await Promise.all(lab.workers.map(async (m) => [m, await inventory(m)] as const)));

async function refused(t: Test, machine: LabNode, command: string, why: RegExp): Promise<void> {
  const { code, stderr } = await type(machine, command);
  t.equal(code, 1, command);
  t.match(stderr, why);
  t.same(await inventory(machine), pristine.get(machine), "nothing was changed");
}

async function cluster(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await kubectl(lab, args, { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

const pods = async () => (JSON.parse(await cluster("get", "pods", "-o", "json")) as KubeList<Pod>).items;
const uids = (list: readonly Pod[]) => list.map(({ metadata }) => metadata.uid).sort();
const restarts = (list: readonly Pod[]) => list.map(({ status }) => status?.containerStatuses?.[0]?.restartCount);
const isReady = ({ status }: Pod) =>
  status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false;

let addresses: string[] = [];

/** The page, asked for on both machines at the Service's own address and at the node port of both. */
async function servedEverywhere(t: Test): Promise<void> {
  for (const machine of lab.workers) {
    for (const address of addresses) {
      const page = async () =>
        (await on(machine, "curl", "-s", "-m", "2", `http://${address}/`)).stdout.includes("Welcome to nginx!");
      t.ok(await until(`${address} from ${machine.name}`, page, 30_000), `${address} from ${machine.name}`);
    }
  }
}

/** Every Pod from before has been started again, on its node, and is ready. */
async function cameBack(before: readonly Pod[], times: (node: string) => number): Promise<boolean> {
  const now = await pods().catch(() => []);
  const again = ({ spec, status }: Pod) => status?.containerStatuses?.[0]?.restartCount === times(spec.nodeName!);
  return now.length === before.length && now.every((pod) => isReady(pod) && again(pod));
}

t.test("says how it is used, without touching anything", async (t) => {
  const { code, stdout } = await type(first, "./scripts/install --help");
  t.equal(code, 0);
  t.match(stdout, /\.\/scripts\/install agent --server https:\/\/HOST:6443 --token TOKEN/);
  await refused(t, first, "./scripts/install nonsense", /use server, agent or uninstall/);
  await refused(t, first, "./scripts/install server --no-such-option", /unknown option '--no-such-option'/);
});

const TAKEN = ["10.244.7.0/24", "dev", "eth0"];
const OVERLAP = "pod range 10\\.244\\.0\\.0/16 overlaps with 10\\.244\\.7\\.0/24 of the host's link eth0: ";

async function refusedForOverlap(t: Test, machine: LabNode, command: string, advice: string): Promise<void> {
  await on(machine, "ip", "route", "add", ...TAKEN);
  const { code, stderr } = await type(machine, command);
  await on(machine, "ip", "route", "del", ...TAKEN);
  t.equal(code, 1);
  t.match(stderr, new RegExp(OVERLAP + advice));
  t.same(await inventory(machine), pristine.get(machine), "nothing was changed");
}

t.test("ranges that overlap are refused by name before anything is changed", async (t) => {
  await refusedForOverlap(t, first, "./scripts/install server", "choose other ranges with --cluster-cidr");
});

let command = "";
t.test("a server is installed, its node Ready", async (t) => {
  const { code, stdout, stderr } = await type(first, "./scripts/install server");
  t.equal(code, 0, stderr);
  t.match(stderr, /✔ node Ready: node-1 \([\d.]+ s\)/);
  t.match(stdout, /kubeconfig +\/var\/lib\/berth\/server\/admin\.kubeconfig/);
  for (const port of ["6443/tcp", "10250/tcp", "8472/udp", "30000-32767/tcp"]) t.match(stdout, `  ${port}`);
  command = stdout.match(/^ {2}(\.\/scripts\/install agent --server \S+ --token \S+)$/m)?.[1] ?? "";
  t.match(command, SERVER, "the command for other machines");
});

t.test("a machine that cannot join is told why, and stays as it is", async (t) => {
  const wrong = command.replace(/.$/, (last) => (last === "a" ? "b" : "a"));
  await refused(t, second, wrong, /does not accept the token: it is unknown or has expired/);
  await refused(t, second, command.replace(/berth\.\S+/, "guess"), /this is not a join token/);
  await refused(t, second, command.replace(":6443", ":6444"), /:6444 cannot be reached .*is 6444\/tcp open there/);
  await refusedForOverlap(t, second, command, "take that away from this machine");
});

t.test("the printed command makes another machine a node", async (t) => {
  await raiseFirewall();
  const { code, stdout, stderr } = await type(second, command);
  t.equal(code, 0, stderr);
  t.match(stdout, /ufw is active and must be told .*--open-ports.*\n {2}ufw allow 10250\/tcp\n {2}ufw allow 8472\/udp/);
  t.same(await firewallSays(), [], "not of its own accord");
  t.match(stderr, /✔ node Ready: node-2/);
  t.notMatch((await on(second, "cat", "/etc/default/berth-agent")).stdout, "--token", "the token is not kept");
  t.match(await cluster("get", "nodes"), /node-1 +Ready.*\nnode-2 +Ready/);
});

t.test("a page is served across both nodes", async (t) => {
  const image = await imageFile("nginx");
  await Promise.all(lab.workers.map((machine) => loadImage(lab, machine, image)));
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: { type: "NodePort", selector: { app: "web" }, ports: [{ port: 80 }] },
  };
  const manifest = [nginx("web", 2), service].map((o) => `---\n${JSON.stringify(o)}\n`).join("");
  const applied = await kubectl(lab, ["apply", "-f", "-"], { input: manifest });
  t.equal(applied.code, 0, applied.stderr);
  await cluster("rollout", "status", "deployment/web", "--timeout=50s");
  t.same((await pods()).map(({ spec }) => spec.nodeName).sort(), ["node-1", "node-2"]);
  const { spec } = JSON.parse(await cluster("get", "service", "web", "-o", "json")) as Service;
  addresses = [spec.clusterIP!, ...lab.workers.map(({ address }) => `${address}:${spec.ports![0]!.nodePort}`)];
  await servedEverywhere(t);
});

t.test("it may be run again: the Pods are not disturbed", async (t) => {
  const before = await pods();
  const [server, agent] = await Promise.all([
    type(first, "./scripts/install server"),
    type(second, "./scripts/install agent --open-ports"),
  ]);
  t.equal(server.code, 0, server.stderr);
  t.equal(agent.code, 0, agent.stderr);
  t.ok((await firewallSays()).includes("allow 10250/tcp"), "ports opened, since that was asked for");
  t.same(uids(await pods()), uids(before));
  t.same(restarts(await pods()), [0, 0]);
  await servedEverywhere(t);
});

t.test("what is killed is started again, on either kind of machine", async (t) => {
  const agentOf = async (machine: LabNode) =>
    (await on(machine, "pgrep", "-f", `^${process.execPath} .*berth.js agent`)).stdout.trim();
  const killed = lab.workers.map(async (machine) => {
    const before = await agentOf(machine);
    t.match(before, /^\d+$/, `one agent on ${machine.name}`);
    await on(machine, "kill", "-9", before);
    const another = async () => ![before, ""].includes(await agentOf(machine));
    t.ok(await until(`another agent on ${machine.name}`, another, 20_000), `another one on ${machine.name}`);
  });
  await Promise.all(killed);
  t.same(restarts(await pods()), [0, 0]);
});

t.test("after a reboot of one machine, and of both, the same workloads are back", async (t) => {
  const before = await pods();
  await powerOff(lab, second);
  await powerOn(lab, second);
  await until("the Pod of node-2", () => cameBack(before, (node) => (node === "node-2" ? 1 : 0)));
  await servedEverywhere(t);
  await Promise.all(lab.workers.map((machine) => powerOff(lab, machine)));
  await Promise.all(lab.workers.map((machine) => powerOn(lab, machine)));
  await until("the Pods of both", () => cameBack(before, (node) => (node === "node-2" ? 2 : 1)));
  t.same(uids(await pods()), uids(before), "the same Pods");
  await servedEverywhere(t);
});

const shutDown = "systemd that shuts down gives the Pods their time: the ordinary ones first, then the critical";
t.test(shutDown, { skip: init !== "systemd" && "this host has no systemd" }, async (t) => {
  const lasting = (name: string, spec: object, container: object) => {
    const main = { name: "main", image: "nginx:latest", imagePullPolicy: "IfNotPresent", ...container };
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name },
      spec: { nodeName: "node-1", containers: [main], ...spec },
    };
  };
  // The unit's own limit is too short for them, as it is where --shutdown-grace-period is long.
  const limit = "/etc/systemd/system/berth-agent.service.d/short.conf";
  await type(first, `mkdir -p $(dirname ${limit}) && printf '[Service]\\nTimeoutStopSec=2\\n' >${limit}`);
  await on(first, "systemctl", "daemon-reload");
  const preStop = { exec: { command: ["sleep", "3"] } };
  const both = [
    lasting("ordinary", {}, { lifecycle: { preStop } }),
    lasting("critical", { priorityClassName: "system-node-critical" }, {}),
  ];
  const names = both.map(({ metadata }) => metadata.name);
  const input = both.map((o) => `---\n${JSON.stringify(o)}\n`).join("");
  const applied = await kubectl(lab, ["apply", "-f", "-"], { input });
  t.equal(applied.code, 0, applied.stderr);
  await cluster("wait", "--for=condition=Ready", ...names.map((name) => `pod/${name}`), "--timeout=60s");
  await on(first, "systemctl", "poweroff");
  await until("node-1 is off", async () => (await processId(lab, first, "init")) === undefined, 60_000);
  await powerOn(lab, first);
  const list = await until("the API is back", () => pods().catch(() => undefined), 60_000);
  const ends = names.map((name) => list.find(({ metadata }) => metadata.name === name)?.status);
  for (const status of ends)
    t.match(status, { phase: "Failed", reason: "Terminated", message: /imminent node shutdown/ });
  const [ordinary = "", critical = ""] = ends.map(
    (status) => status?.containerStatuses?.[0]?.state?.terminated?.finishedAt,
  );
  t.ok(ordinary !== "" && critical >= ordinary, `${ordinary}, ${critical}`);
  await on(first, "rm", "-r", dirname(limit));
});

t.test("uninstall leaves nothing", async (t) => {
  const uninstall = (machine: LabNode): Promise<RunResult> => type(machine, "./scripts/install uninstall");
  const [agent, server] = await Promise.all([uninstall(second), uninstall(first)]);
  t.equal(agent.code, 0, agent.stderr);
  t.match(agent.stderr, /kubectl delete node node-2/);
  t.ok((await firewallSays()).includes("delete allow 10250/tcp"), "ports closed again");
  await on(second, "rm", FIREWALL, "/tmp/ufw.log");
  t.equal(server.code, 0, server.stderr);
  for (const machine of lab.workers) t.same(await inventory(machine), pristine.get(machine), machine.name);
});
