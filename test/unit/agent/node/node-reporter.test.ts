import pino from "pino";
import t, { type Test } from "tap";
import type { PressureType } from "#agent/eviction/signals.js";
import { startNodeLease } from "#agent/node/node-lease.js";
import { fixedStatus, type NodeFacts } from "#agent/node/node-object.js";
import { NodeReporter } from "#agent/node/node-reporter.js";
import type { RuntimeVersion } from "#agent/runtime/runtime.js";
import type { Lease, Node, NodeStatus } from "#api/generated/types.js";
import { nodes } from "#api/refs.js";
import { alreadyExists, conflict, notFoundError } from "#api/status-error.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";
import { ScriptedClient } from "#test/fixtures/scripted-client.js";

const facts: NodeFacts = {
  localStorage: "/data/storage",
  name: "node-1",
  addresses: ["10.9.9.9"],
  machine: {
    kernelVersion: "6.1",
    osImage: "Debian",
    bootID: "b",
    systemUUID: "s",
    architecture: "amd64",
    cores: 2,
    memory: 1 << 30,
  },
  machineId: "m",
  runtime: { name: "docker", version: "20.10.24" } as RuntimeVersion,
  resources: {
    cores: 2,
    memory: 1 << 30,
    storage: 1 << 30,
    maxPods: 110,
    reserved: { milliCpu: 0, memory: 0, storage: 0 },
  },
  version: "v1.35.0",
  kubeletPort: 10250,
  labels: {},
};
const stamps = { creationTimestamp: "", resourceVersion: "1", uid: "u" };
const logger = pino({ level: "silent" });

/** An API that keeps one Node, as far as the reporter can tell. */
function nodeApi() {
  const client = new ScriptedClient();
  const state = { node: undefined as Node | undefined };
  client.onWrite = ({ verb, body }) => {
    if (verb === "create") state.node = { ...(body as Node), metadata: { ...(body as Node).metadata, uid: "u" } };
    if (!state.node) throw notFoundError(nodes, "node-1");
    if (verb === "patch") {
      const { status } = body as { status: NodeStatus };
      const addresses = status?.addresses?.filter((address) => !("$patch" in address));
      state.node = { ...state.node, status: { ...state.node.status, ...status, ...(addresses && { addresses }) } };
    }
    return state.node;
  };
  const writes = () => client.calls.filter(({ verb }) => verb === "create" || verb === "patch").map(({ verb }) => verb);
  return { client, state, writes };
}

function startReporter(t: Test, api: ReturnType<typeof nodeApi>) {
  const clock = new FakeClock();
  const health = { problems: [] as string[], pressures: new Set<PressureType>() };
  const told: string[] = [];
  const recorder = {
    event: (_object: object, _type: string, reason: string) => void told.push(reason),
    flush: async () => undefined,
    stop: () => undefined,
  };
  const observe = async () => ({ fixed: fixedStatus(facts), health: { ...health }, images: [] });
  const reporter = new NodeReporter({ client: api.client, facts, observe, recorder, clock, logger });
  t.teardown(() => reporter.stop());
  return { clock, health, told, reporter };
}

t.test("a Node is registered at once, and its status written when the parts are up", async (t) => {
  const api = nodeApi();
  const { clock, health, told, reporter } = startReporter(t, api);
  t.equal((await reporter.registered).metadata.name, "node-1");
  await settle();
  t.same(api.writes(), ["create"], "not ready is not said of a node that is only starting");
  reporter.begin();
  await settle();
  t.match(api.state.node?.status?.conditions?.at(-1), { type: "Ready", status: "True" });
  t.ok(told.includes("NodeReady"));
  await clock.advance(60_000);
  t.same(api.writes(), ["create", "patch"], "nothing changed, nothing written");
  await clock.advance(5 * 60_000);
  t.same(api.writes(), ["create", "patch", "patch"], "but every five minutes");
  health.problems = ["container runtime is down"];
  await clock.advance(10_000);
  t.match(api.state.node?.status?.conditions?.at(-1), { status: "False", message: "container runtime is down" });
  t.equal(told.at(-1), "NodeNotReady");
});

t.test("a deleted Node is registered again", async (t) => {
  const api = nodeApi();
  const { clock, reporter } = startReporter(t, api);
  reporter.begin();
  await settle();
  api.state.node = undefined;
  await clock.advance(6 * 60_000);
  t.same(api.writes().filter((verb) => verb === "create").length, 2);
  t.match(api.state.node as Node | undefined, {
    status: { conditions: [{}, {}, {}, { type: "Ready", status: "True" }] },
  });
});

t.test("labels of a known Node are corrected, those of others kept", async (t) => {
  const api = nodeApi();
  const metadata = { name: "node-1", labels: { mine: "1", "kubernetes.io/os": "plan9" }, ...stamps };
  api.state.node = { metadata, spec: {} };
  const { reporter } = startReporter(t, api);
  await reporter.registered;
  const body = api.client.calls.find(({ verb }) => verb === "patch")?.body as Node;
  t.equal(body.metadata.labels?.["kubernetes.io/os"], "linux");
  t.notOk("mine" in (body.metadata.labels ?? {}));
});

t.test("a short Lease is renewed as much sooner, and its recovery is told", async (t) => {
  const client = new ScriptedClient();
  const clock = new FakeClock();
  let stored: Lease | undefined;
  let away = false;
  client.onWrite = ({ body }) => {
    if (away) throw new Error("connect ETIMEDOUT");
    stored = body as Lease;
    return stored;
  };
  let recovered = 0;
  const node = () => ({ metadata: { uid: "u1" } }) as Node;
  const onRecovered = () => recovered++;
  const lease = startNodeLease({ client, nodeName: "node-1", node, leaseSeconds: 4, onRecovered, clock, logger });
  t.teardown(() => lease.stop());
  await settle();
  await clock.advance(1000);
  t.match(stored, { spec: { leaseDurationSeconds: 4, renewTime: "2026-01-01T00:00:01.000000Z" } });
  away = true;
  await clock.advance(3000);
  t.equal(recovered, 0);
  away = false;
  await clock.advance(1000);
  t.match(stored, { spec: { renewTime: "2026-01-01T00:00:05.000000Z" } });
  t.equal(recovered, 1);
});

t.test("the Lease is renewed every ten seconds, taken over, and made again when it is gone", async (t) => {
  const client = new ScriptedClient();
  const clock = new FakeClock();
  const first: Lease = { metadata: { name: "node-1", ...stamps }, spec: { renewTime: "old" } };
  let stored: Lease | undefined = first;
  const renewed = () => stored?.spec.renewTime;
  let stale = false;
  client.onWrite = ({ verb, body }) => {
    if (verb === "create" && stored) throw alreadyExists({ group: "", plural: "leases", kind: "Lease" }, "node-1");
    if (verb === "update" && stale) {
      stale = false;
      throw conflict({ group: "", plural: "leases", kind: "Lease" }, "node-1");
    }
    if (verb === "update" && !stored) throw notFoundError({ group: "", plural: "leases", kind: "Lease" }, "node-1");
    if (verb !== "get") stored = body as Lease;
    return stored;
  };
  const node = () => ({ metadata: { uid: "u1" } }) as Node;
  const lease = startNodeLease({ client, nodeName: "node-1", node, clock, logger });
  t.teardown(() => lease.stop());
  await settle();
  t.match(stored, {
    spec: { holderIdentity: "node-1", leaseDurationSeconds: 40, renewTime: "2026-01-01T00:00:00.000000Z" },
    metadata: { ownerReferences: [{ kind: "Node", uid: "u1" }] },
  });
  await clock.advance(10_000);
  t.equal(renewed(), "2026-01-01T00:00:10.000000Z");
  stale = true;
  await clock.advance(10_000);
  t.equal(renewed(), "2026-01-01T00:00:20.000000Z", "a conflict costs no turn");
  stored = undefined;
  await clock.advance(10_000);
  t.equal(renewed(), "2026-01-01T00:00:30.000000Z");
});
