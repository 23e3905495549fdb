import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { Pod } from "#api/generated/types.js";
import type { ProcessName } from "#scripts/lab/process-record.js";
import { stopProcess } from "#scripts/lab/processes.js";
import type { LabNode } from "#scripts/lab/state.js";
import { startAgent, startServer } from "#scripts/lab/up.js";
import { type Inventory, nginx, openLab, until } from "../lab-session.js";

const session = await openLab(t);
const { lab } = session;
const REPLICAS = 6;

async function kill(node: LabNode, name: ProcessName): Promise<void> {
  t.ok(await stopProcess(lab, node, name, "SIGKILL"), `${name} was running`);
}

const inventories = () => Promise.all(lab.workers.map((node) => session.inventory(node)));

/** Names of all running Pod containers with their ids, to see that none was started again. */
async function runningContainers(): Promise<string[]> {
  const format = [
    "ps",
    "--no-trunc",
    "--format",
    "{{.Names}} {{.ID}}",
    "--filter",
    "label=io.kubernetes.pod.namespace=survive",
  ];
  const lists = await Promise.all(lab.workers.map((node) => session.docker(node, format)));
  return lists.join("").split("\n").filter(Boolean).sort();
}

t.test("kill -9", async (t) => {
  const before = await Promise.all(lab.workers.map((node) => session.settledInventory(node)));
  const ns = await session.namespace(t, "survive");
  const settled = async () => {
    await ns.kubectl(["rollout", "status", "deployment/web", "--timeout=180s"]);
    await until("old pods gone", async () => (await ns.list<Pod>("pods")).length === REPLICAS);
    await until("old containers gone", async () => (await runningContainers()).length === 2 * REPLICAS);
  };
  await ns.apply(nginx("web", REPLICAS));
  await settled();

  await t.test("a restart of server and agents disturbs no container", async (t) => {
    const running = await runningContainers();
    await kill(lab.server, "server");
    for (const node of lab.workers) await kill(node, "agent");
    await startServer(lab);
    for (const node of lab.workers) await startAgent(lab, node);
    await until("nodes Ready", async () => {
      const nodes = await session.kubectl(["get", "nodes", "--no-headers"]);
      return nodes.split("\n").filter((line) => / Ready /.test(line)).length === lab.workers.length;
    });
    await sleep(3000);
    t.same(await runningContainers(), running, "the same containers run");
    const pods = await ns.list<Pod>("pods");
    t.ok(pods.every((p) => p.status?.containerStatuses?.[0]?.restartCount === 0 && p.status.phase === "Running"));
  });

  const victims: readonly [title: string, kill: () => Promise<void>, start: () => Promise<void>][] = [
    ["the server", () => kill(lab.server, "server"), () => startServer(lab)],
    [
      "the agents",
      async () => void (await Promise.all(lab.workers.map((node) => kill(node, "agent")))),
      async () => void (await Promise.all(lab.workers.map((node) => startAgent(lab, node)))),
    ],
    [
      "both",
      async () => {
        await kill(lab.server, "server");
        await Promise.all(lab.workers.map((node) => kill(node, "agent")));
      },
      async () => {
        await startServer(lab);
        await Promise.all(lab.workers.map((node) => startAgent(lab, node)));
      },
    ],
  ];
  for (const [index, [title, killParts, startParts]] of victims.entries()) {
    await t.test(`${title} in the middle of a rollout`, async (t) => {
      await ns.kubectl(["set", "env", "deployment/web", `ROUND=${index}`]);
      await sleep(700);
      await killParts();
      await sleep(500);
      await startParts();
      await settled();
      const pods = await ns.list<Pod>("pods");
      const round = (p: Pod) => p.spec.containers[0]!.env?.find((e) => e.name === "ROUND")?.value;
      t.ok(
        pods.every((p) => round(p) === String(index)),
        "every Pod is of the new revision",
      );
      const names = (await runningContainers()).map((line) => line.split(" ")[0]!.replace(/_\d+$/, ""));
      t.equal(new Set(names).size, names.length, "no container twice");
      const wanted = [2 * REPLICAS, REPLICAS, REPLICAS];
      const sum = (list: Inventory[], key: keyof Inventory) => list.reduce((total, i) => total + i[key], 0);
      const more = async () => {
        const now = await inventories();
        return (["containers", "links", "addresses"] as const).map((key) => sum(now, key) - sum(before, key));
      };
      // What is left of a Pod goes after it.
      await until("nothing too many", async () => (await more()).join() === wanted.join()).catch(() => undefined);
      t.same(await more(), wanted, "two containers a Pod, dead ones included, one link, one address");
    });
  }

  await ns.kubectl(["delete", "deployment", "web"]);
  await until("everything given back", async () => JSON.stringify(await inventories()) === JSON.stringify(before));
  t.same(await inventories(), before, "links, addresses and containers are as they were");
});
