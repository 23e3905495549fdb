import pino from "pino";
import t from "tap";
import { pods } from "#api/refs.js";
import { StatusError } from "#api/status-error.js";
import { watch } from "#controlplane/controllers/controller.js";
import { startHarness } from "#controlplane/controllers/harness.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";
import { makePod } from "#test/fixtures/objects.js";
import { ScriptedClient } from "#test/fixtures/scripted-client.js";

const logger = pino({ level: "silent" });

t.test("controllers share one informer, reconcile after it synced, and stop together", async (t) => {
  const client = new ScriptedClient();
  client.lists = [{ metadata: { resourceVersion: "5" }, items: [makePod("a"), makePod("b")] }];
  const clock = new FakeClock();
  const seen: string[] = [];
  const controller = (name: string) => ({
    name,
    watches: [watch({ ref: pods })],
    async reconcile(key: string, context: { informer(ref: typeof pods): { get(key: string): unknown } }) {
      if (!context.informer(pods).get(key)) throw new Error("not synced");
      seen.push(`${name} ${key}`);
      return undefined;
    },
  });
  const harness = startHarness([controller("one"), controller("two")], { client, logger, clock });
  await harness.ready;
  await settle();
  t.same(seen.sort(), ["one ns/a", "one ns/b", "two ns/a", "two ns/b"]);
  t.equal(client.calls.filter((call) => call.verb === "list").length, 1);
  t.match(harness.stats(), { one: { processed: 2, failed: 0, depth: 0 } });
  t.same(clock.pending(), [], "nothing polls");
  await harness.stop();
  t.equal(client.watches[0]?.closed, true);
});

t.test("failures are tried again; a refusal for a terminating namespace is not", async (t) => {
  const client = new ScriptedClient();
  client.lists = [{ metadata: { resourceVersion: "5" }, items: [makePod("flaky"), makePod("doomed")] }];
  const clock = new FakeClock();
  let flaky = 0;
  const causes = [{ reason: "NamespaceTerminating", message: "", field: "" }];
  const harness = startHarness(
    [
      {
        name: "test",
        watches: [watch({ ref: pods })],
        async reconcile(key) {
          if (key === "ns/doomed") throw new StatusError(403, "Forbidden", "no", { causes });
          if (flaky++ < 2) throw new Error("not yet");
          return undefined;
        },
      },
    ],
    { client, logger, clock },
  );
  await harness.ready;
  await settle();
  t.same(clock.pending(), [5]);
  await clock.advance(15);
  t.equal(flaky, 3);
  t.same(clock.pending(), []);
  await harness.stop();
});
