/** What a node has besides CPU and memory, because somebody says so, is handed out one by one. */
import t from "tap";
import type { Node, Pod } from "#api/generated/types.js";
import { quantityValue } from "#api/quantity.js";
import { openLab, pod, until } from "../lab-session.js";

const FOO = "example.com/foo";

t.test("extended resources", { timeout: 120_000 }, async (t) => {
  const session = await openLab(t);
  const ns = await session.namespace(t, "extended");
  const node = session.lab.workers[0]!.name;
  const patch = (operation: object) =>
    session.kubectl(["patch", "node", node, "--subresource=status", "--type=json", "-p", JSON.stringify([operation])]);
  const resources = async () => (await ns.get<Node>("node", node)).status;
  const path = "/status/capacity/example.com~1foo";

  await patch({ op: "add", path, value: "3" });
  await until("the node offers it", async () => (await resources())?.allocatable?.[FOO] === "3");
  const asking = (name: string, count: string) =>
    pod(name, { command: ["sleep", "1000"], resources: { limits: { [FOO]: count } } });
  await ns.apply(asking("first", "2"));
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/first", "--timeout=60s"]);
  t.equal((await ns.get<Pod>("pod", "first")).spec.nodeName, node);
  await ns.apply(asking("second", "2"));
  await until("the second is told that there is too little", async () =>
    (await ns.eventsOf("second")).some((event) => event.includes(`Insufficient ${FOO}`)),
  );
  await ns.kubectl(["delete", "pod", "first", "--wait=true"]);
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/second", "--timeout=60s"]);
  await patch({ op: "remove", path });
  await until("the node no longer offers it", async () => (await resources())?.allocatable?.[FOO] === undefined);

  const { capacity, allocatable } = (await resources()) ?? {};
  const total = await session.lab.workers.reduce(async (sum, { name }) => {
    return (await sum) + quantityValue((await ns.get<Node>("node", name)).status?.capacity?.["memory"]);
  }, Promise.resolve(0));
  const host = quantityValue(
    `${/MemTotal:\s+(\d+) kB/.exec(await session.on(session.lab.workers[0]!, ["cat", "/proc/meminfo"]))?.[1]}Ki`,
  );
  t.ok(total <= host, "the nodes of a lab share the host's memory");
  t.ok(quantityValue(allocatable?.["memory"]) < quantityValue(capacity?.["memory"]), "some of it is kept from Pods");
});
