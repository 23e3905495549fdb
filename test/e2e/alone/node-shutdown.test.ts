/** A host that goes down ends its Pods first: the critical ones last, and all of them with a word to the API. */
import t from "tap";
import { processId } from "#scripts/lab/processes.js";
import { startAgent } from "#scripts/lab/up.js";
import { openLab, pod, until } from "../lab-session.js";
import { condition, PodWatch, sh, stateOf, WAIT } from "../pod-watch.js";

const session = await openLab(t);
const { lab } = session;
const node = lab.node("node-2");
const ns = await session.namespace(t, "node-shutdown");
const watch = await PodWatch.open(t, ns);
const onNode = { nodeName: node.name, terminationGracePeriodSeconds: 60 };

t.test("the agent hears that its host goes down", async (t) => {
  await watch.createAll([
    pod("ordinary", { ...sh(WAIT), lifecycle: { preStop: { exec: sh("sleep 1") } } }, onNode),
    pod("critical", sh(WAIT), { ...onNode, priorityClassName: "system-node-critical" }),
  ]);
  const names = ["ordinary", "critical"];
  await Promise.all(names.map((name) => watch.ready(name)));
  const pid = await processId(lab, node, "agent");
  t.teardown(async () => {
    await startAgent(lab, node);
    await session.kubectl(["wait", "--for=condition=Ready", `node/${node.name}`, "--timeout=60s"]);
  });
  process.kill(pid ?? 0, "SIGPWR");
  const ended = await Promise.all(names.map((name) => watch.ended(name)));
  for (const found of ended) {
    t.match(found.status, { phase: "Failed", reason: "Terminated", message: /imminent node shutdown/ });
    t.match(condition(found, "DisruptionTarget"), { status: "True", reason: "TerminationByKubelet" });
  }
  const end = (i: number) => stateOf(ended[i] as (typeof ended)[number]).terminated?.finishedAt ?? "";
  t.ok(end(1) >= end(0), "the critical one last");
  await until("the agent has ended", async () => (await processId(lab, node, "agent")) === undefined);
  const { stdout } = await ns.tryKubectl([
    "get",
    "node",
    node.name,
    "-o",
    "jsonpath={.status.conditions[?(@.type=='Ready')]}",
  ]);
  t.match(stdout, /node is shutting down/);
});
