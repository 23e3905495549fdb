import pino from "pino";
import t from "tap";
import type { KubeObject } from "#api/object.js";
import { conflict } from "#api/status-error.js";
import { startScheduler } from "#controlplane/scheduler/index.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";
import { makeNode, makePod } from "#test/fixtures/objects.js";
import { ScriptedClient } from "#test/fixtures/scripted-client.js";

const one = { cpu: "1", memory: "8Gi", pods: "110" };
const half = (name: string) =>
  makePod(name, { spec: { containers: [{ name: "c", resources: { requests: { cpu: "600m" } } }] } });

async function setUp(nodes: KubeObject[], pods: KubeObject[]) {
  const client = new ScriptedClient();
  client.list = (async (ref: { plural: string }) => {
    return { metadata: { resourceVersion: "1" }, items: ref.plural === "nodes" ? nodes : pods };
  }) as never;
  const clock = new FakeClock();
  const scheduler = startScheduler({ client, clock, random: () => 0, logger: pino({ level: "silent" }) });
  await scheduler.ready;
  await settle();
  const bound = () =>
    client.calls.filter((call) => call.verb === "binding").map((call) => `${call.name}>${target(call.body)}`);
  const events = () =>
    client.calls.filter((call) => call.ref.plural === "events").map((call) => call.body as { message: string });
  const watchOf = (plural: string) => {
    const calls = client.calls.filter((call) => call.verb === "watch");
    return client.watches[calls.findIndex((call) => call.ref.plural === plural)]!;
  };
  return { client, clock, scheduler, bound, events, watchOf };
}

const target = (body: unknown) => (body as { target: { name: string } }).target.name;

t.test("binds what fits, counts it at once, tells of what does not, and tries again when room comes", async (t) => {
  const node = makeNode("n1", { allocatable: one });
  const { client, clock, bound, events, watchOf, scheduler } = await setUp([node], [half("a"), half("b")]);
  t.same(bound(), ["a>n1"], "b does not fit beside the assumed a");
  const condition = client.calls.find((call) => call.verb === "patch" && call.ref.plural === "pods");
  const message =
    "0/1 nodes are available: 1 Insufficient cpu. " +
    "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
  t.match(condition?.body, {
    status: { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }] },
  });
  t.match(events(), [
    { type: "Warning", reason: "FailedScheduling", message, involvedObject: { name: "b" } },
    { type: "Normal", reason: "Scheduled", message: "Successfully assigned ns/a to n1", involvedObject: { name: "a" } },
  ]);
  await clock.advance(1_000);
  watchOf("pods").onEvents([
    { type: "DELETED", object: { ...half("a"), spec: { ...half("a").spec, nodeName: "n1" } } } as never,
  ]);
  await settle();
  t.same(bound(), ["a>n1", "b>n1"]);
  await scheduler.stop();
});

t.test("a node that comes or changes lets waiting Pods try again; status updates do not", async (t) => {
  const { clock, bound, events, watchOf, scheduler } = await setUp([], [half("a")]);
  t.match(events(), [{ message: "no nodes available to schedule pods" }]);
  await clock.advance(1_000);
  const tainted = makeNode("n1", { allocatable: one, spec: { taints: [{ key: "x", effect: "NoSchedule" }] } });
  watchOf("nodes").onEvents([{ type: "ADDED", object: tainted }]);
  await settle();
  t.same(bound(), []);
  t.equal(events().length, 2);
  await clock.advance(1_000);
  const beat = { ...tainted, metadata: { ...tainted.metadata, resourceVersion: "900" } };
  watchOf("nodes").onEvents([{ type: "MODIFIED", object: beat }]);
  await settle();
  t.equal(events().length, 2, "a heartbeat changes nothing");
  const ready = { ...makeNode("n1", { allocatable: one }), metadata: { ...tainted.metadata, resourceVersion: "901" } };
  watchOf("nodes").onEvents([{ type: "MODIFIED", object: ready }]);
  await settle();
  t.same(bound(), ["a>n1"]);
  await scheduler.stop();
});

t.test("a refused binding gives the room back and is tried again", async (t) => {
  const { client, clock, bound, watchOf, scheduler } = await setUp([], [half("a")]);
  let refusals = 1;
  client.onWrite = (call) => {
    if (call.verb === "binding" && refusals-- > 0) throw conflict(call.ref, "a");
    return call.body;
  };
  await clock.advance(1_000);
  watchOf("nodes").onEvents([{ type: "ADDED", object: makeNode("n1", { allocatable: one }) }]);
  await settle();
  await clock.advance(200);
  t.same(bound(), ["a>n1", "a>n1"]);
  await scheduler.stop();
});

t.test("gated Pods, Pods of other schedulers and bound Pods are left alone", async (t) => {
  const gated = makePod("gated", { spec: { containers: [], schedulingGates: [{ name: "wait" }] } });
  const foreign = makePod("foreign", { spec: { containers: [], schedulerName: "other" } });
  const pods = [gated, foreign, makePod("bound", { node: "n1" }), makePod("done", { phase: "Succeeded" })];
  const { bound, events, watchOf, scheduler } = await setUp([makeNode("n1")], pods);
  t.same(bound(), []);
  t.same(events(), []);
  const open = { ...gated, metadata: { ...gated.metadata, resourceVersion: "900" }, spec: { containers: [] } };
  watchOf("pods").onEvents([{ type: "MODIFIED", object: open }]);
  await settle();
  t.same(bound(), ["gated>n1"]);
  await scheduler.stop();
});

t.test("many Pods are decided in well under 100 ms and spread evenly", async (t) => {
  const pods = Array.from({ length: 60 }, (_, i) => makePod(`p${i}`));
  const began = performance.now();
  const { bound, scheduler } = await setUp([makeNode("n1"), makeNode("n2")], pods);
  for (let i = 0; bound().length < 60 && i < 50; i++) await settle();
  const took = performance.now() - began;
  t.ok(took < 5_000, `${took.toFixed(0)} ms`);
  t.equal(bound().filter((text) => text.endsWith("n1")).length, 30);
  await scheduler.stop();
});
