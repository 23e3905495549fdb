import { pino } from "pino";
import t from "tap";
import { StatusManager } from "#agent/status/status-manager.js";
import { statusPatch } from "#agent/status/status-patch.js";
import type { PodStatus } from "#api/generated/types.js";
import { notFoundError, StatusError } from "#api/status-error.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";
import { podOf } from "#test/fixtures/pod-objects.js";
import { ScriptedClient } from "#test/fixtures/scripted-client.js";

const ready = (status: string) => ({ type: "Ready", status });

t.test("a patch holds only what differs", async (t) => {
  const before: PodStatus = {
    phase: "Pending",
    hostIP: "1",
    conditions: [ready("False"), { type: "x/y", status: "True" }],
  };
  t.equal(statusPatch(before, { phase: "Pending", hostIP: "1", conditions: [ready("False")] }), undefined);
  t.same(statusPatch(before, { phase: "Running", hostIP: "1", conditions: [ready("True")] }), {
    phase: "Running",
    conditions: [ready("True")],
  });
  t.same(
    statusPatch({ conditions: [{ ...ready("False"), reason: "No", message: "x" }] }, { conditions: [ready("True")] }),
    {
      conditions: [{ ...ready("True"), reason: null, message: null }],
    },
  );
  t.same(statusPatch({ podIPs: [{ ip: "a" }] }, { podIPs: [{ ip: "b" }] }), {
    podIPs: [{ $patch: "replace" }, { ip: "b" }],
  });
  t.same(statusPatch({ reason: "Old", nominatedNodeName: "n" }, {}), { reason: null });
});

function managerOn(client: ScriptedClient) {
  const clock = new FakeClock();
  return { clock, manager: new StatusManager({ client, clock, logger: pino({ level: "silent" }) }) };
}

const patches = (client: ScriptedClient) =>
  client.calls.map(({ body }) => (body as { status: PodStatus }).status.phase);

t.test("one write at a time, the latest only", async (t) => {
  const client = new ScriptedClient();
  const answers: (() => void)[] = [];
  let version = 5;
  client.onWrite = () =>
    new Promise((resolve) => {
      answers.push(() =>
        resolve({ ...podOf(), metadata: { ...podOf().metadata, resourceVersion: String(++version) } }),
      );
    });
  const { manager } = managerOn(client);
  for (const phase of ["Pending", "Running", "Failed"]) manager.set(podOf(), { phase });
  await settle();
  t.same(patches(client), ["Pending"]);
  manager.set(podOf(), { phase: "Succeeded" });
  answers.shift()?.();
  await settle();
  t.same(patches(client), ["Pending", "Succeeded"], "what lay in between was never sent");
  answers.shift()?.();
  await manager.flush("uid-1");
  t.equal(client.calls.length, 2);
  t.match(client.calls[0]?.body, { metadata: { uid: "uid-1" } }, "never for another Pod of that name");
  manager.set(podOf(), { phase: "Succeeded" });
  await settle();
  t.equal(client.calls.length, 2, "nothing new, nothing written");
});

t.test("a failed write is tried again, one for a Pod that is gone is not", async (t) => {
  const client = new ScriptedClient();
  const errors: Error[] = [new StatusError(500, "InternalError", "no")];
  client.onWrite = () => {
    const error = errors.shift();
    if (error) throw error;
    return podOf();
  };
  const { manager, clock } = managerOn(client);
  manager.set(podOf(), { phase: "Running" });
  await settle();
  t.equal(client.calls.length, 1);
  await clock.advance(1000);
  t.equal(client.calls.length, 2);
  errors.push(notFoundError({ group: "", plural: "pods", kind: "Pod" }, "web"));
  manager.set(podOf(), { phase: "Failed" });
  await settle();
  await clock.advance(60_000);
  t.equal(client.calls.length, 3);
});

t.test("someone else's overwriting is put right, their own conditions stay", async (t) => {
  const client = new ScriptedClient();
  client.onWrite = () => ({ ...podOf(), metadata: { ...podOf().metadata, resourceVersion: "6" } });
  const { manager } = managerOn(client);
  manager.set(podOf(), { phase: "Running", conditions: [ready("True")] });
  await manager.flush("uid-1");
  const foreign = { type: "x/y", status: "True" };
  const changed = podOf({}, { phase: "Running", conditions: [ready("False"), foreign] });
  changed.metadata.resourceVersion = "7";
  manager.seen(changed);
  await settle();
  t.same(client.calls[1]?.body, { metadata: { uid: "uid-1" }, status: { conditions: [ready("True")] } });
  t.same(manager.statusOf(changed)?.conditions, [ready("True"), foreign]);
});
