import t from "tap";
import { forbiddenError, notFoundError } from "#api/status-error.js";
import { createEventRecorder } from "#client/event-recorder.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";
import { ScriptedClient } from "#test/fixtures/scripted-client.js";

const metadata = { name: "web", namespace: "ns", uid: "u1", resourceVersion: "7", creationTimestamp: "" };
const object = { apiVersion: "v1", kind: "Pod", metadata };

function setUp() {
  const client = new ScriptedClient();
  const clock = new FakeClock();
  const errors: Error[] = [];
  const onError = (error: Error) => errors.push(error);
  const recorder = createEventRecorder(client, { component: "kubelet", host: "n1", clock, onError });
  return { client, clock, recorder, errors };
}

t.test("writes a core/v1 Event", async (t) => {
  const { client, recorder } = setUp();
  recorder.event(object, "Normal", "Pulled", "Container image already present", "spec.containers{web}");
  await recorder.flush();
  t.equal(client.calls.length, 1);
  t.match(client.calls[0]?.body, {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: /^web\.[0-9a-f]{16}$/, namespace: "ns" },
    involvedObject: {
      kind: "Pod",
      namespace: "ns",
      name: "web",
      uid: "u1",
      apiVersion: "v1",
      resourceVersion: "7",
      fieldPath: "spec.containers{web}",
    },
    type: "Normal",
    reason: "Pulled",
    message: "Container image already present",
    count: 1,
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T00:00:00Z",
    source: { component: "kubelet", host: "n1" },
    reportingComponent: "kubelet",
    reportingInstance: "n1",
  });
});

t.test("repeats raise the count of one Event; an Event that is gone is written anew", async (t) => {
  const { client, clock, recorder } = setUp();
  recorder.event(object, "Warning", "BackOff", "Back-off restarting");
  recorder.event(object, "Warning", "BackOff", "Back-off restarting");
  await recorder.flush();
  t.match(client.calls, [{ verb: "create", body: { count: 2 } }], "those that come together cost one write");
  await clock.advance(10_000);
  recorder.event(object, "Warning", "BackOff", "Back-off restarting");
  await recorder.flush();
  t.match(client.calls[1], { verb: "patch", body: { count: 3, lastTimestamp: "2026-01-01T00:00:10Z" } });
  client.onWrite = (call) => {
    if (call.verb === "patch") throw notFoundError(call.ref, String(call.name));
  };
  recorder.event(object, "Warning", "BackOff", "Back-off restarting");
  await recorder.flush();
  t.same(
    client.calls.map((call) => call.verb),
    ["create", "patch", "patch", "create"],
  );
});

t.test("many different messages of one reason become one Event, floods are cut", async (t) => {
  const { client, clock, recorder } = setUp();
  for (let i = 0; i < 40; i++) recorder.event(object, "Warning", "Failed", `attempt ${i}`);
  await recorder.flush();
  t.equal(client.calls.length, 10);
  t.match(client.calls[9]?.body, { message: "(combined from similar events): attempt 24", count: 16 });
  await clock.advance(300_000);
  recorder.event(object, "Normal", "Started", "one more after five minutes");
  recorder.event(object, "Normal", "Started", "not two");
  await recorder.flush();
  t.equal(client.calls.length, 11);
});

t.test("an unreachable server is tried again, a refusal is told", async (t) => {
  const { client, clock, recorder, errors } = setUp();
  let failures = 2;
  client.onWrite = () => {
    if (failures-- > 0) throw new Error("ECONNREFUSED");
  };
  recorder.event(object, "Normal", "Created", "x");
  await settle();
  await clock.advance(1_000);
  await recorder.flush();
  t.equal(client.calls.length, 3);
  t.same(errors, []);
  client.onWrite = (call) => {
    throw forbiddenError(call.ref, "x", "no");
  };
  recorder.event(object, "Normal", "Created", "y");
  await recorder.flush();
  t.equal(errors.length, 1);
});
