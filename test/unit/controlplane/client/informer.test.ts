import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { gone, internalError } from "#api/status-error.js";
import { startInformer } from "#client/informer.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";
import { ScriptedClient } from "#test/fixtures/scripted-client.js";

function pod(name: string, resourceVersion: string, uid = name, node = "n1"): Pod {
  const metadata = { name, namespace: "ns", uid, resourceVersion, creationTimestamp: "" };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [], nodeName: node } };
}

const list = (resourceVersion: string, ...items: Pod[]) => ({ metadata: { resourceVersion }, items });

function setUp(...lists: ScriptedClient["lists"]) {
  const client = new ScriptedClient();
  client.lists = lists;
  const clock = new FakeClock();
  const errors: string[] = [];
  const informer = startInformer(client, pods, {
    clock,
    random: () => 0,
    onError: (error) => errors.push(error.message),
  });
  const seen: string[] = [];
  informer.addHandler({
    onAdd: (o) => seen.push(`+${o.metadata.name}@${o.metadata.resourceVersion}`),
    onUpdate: (o, old) =>
      seen.push(`~${o.metadata.name}@${old.metadata.resourceVersion}>${o.metadata.resourceVersion}`),
    onDelete: (o) => seen.push(`-${o.metadata.name}@${o.metadata.resourceVersion}`),
  });
  const verbs = () => client.calls.map((call) => call.verb).join(" ");
  return { client, clock, errors, informer, seen, verbs };
}

t.test("lists, watches from the list's version, and keeps indexes", async (t) => {
  const { client, informer, seen } = setUp(list("10", pod("a", "3"), pod("b", "4")));
  informer.addIndex("node", (o) => [o.spec.nodeName ?? ""]);
  await informer.synced;
  await settle();
  t.same(seen, ["+a@3", "+b@4"]);
  t.equal(client.watches[0]?.query.resourceVersion, "10");
  client.watches[0]?.onEvents([
    { type: "MODIFIED", object: pod("a", "11", "a", "n2") },
    { type: "ADDED", object: pod("c", "12") },
    { type: "DELETED", object: pod("b", "13") },
  ]);
  t.same(seen.slice(2), ["~a@3>11", "+c@12", "-b@13"]);
  t.same(
    informer.byIndex("node", "n1").map((o) => o.metadata.name),
    ["c"],
  );
  t.same(
    informer.byIndex("node", "n2").map((o) => o.metadata.name),
    ["a"],
  );
  t.equal(informer.list(), informer.list(), "one snapshot until something changes");
  const late: string[] = [];
  informer.addHandler({ onAdd: (o) => late.push(o.metadata.name) });
  t.same(late.sort(), ["a", "c"], "known objects are replayed to a new handler");
  informer.stop();
  t.equal(client.watches[0]?.closed, true);
});

t.test("a broken watch resumes at the last version seen, bookmarks included", async (t) => {
  const { client, clock, informer, verbs, errors } = setUp(list("10"));
  await informer.synced;
  await settle();
  client.watches[0]?.onEvents([
    { type: "ADDED", object: pod("a", "11") },
    { type: "BOOKMARK", object: pod("", "20") },
  ]);
  t.same(informer.list().length, 1, "a bookmark is no object");
  client.watches[0]?.onEnd(new Error("socket hang up"));
  await settle();
  t.same(clock.pending(), [100], "waits before trying again");
  await clock.advance(100);
  t.equal(client.watches[1]?.query.resourceVersion, "20");
  t.match(errors, [/^pods: socket hang up$/]);
  t.equal(verbs(), "list watch watch");
  for (const delay of [200, 400, 800]) {
    client.watches.at(-1)?.onEnd(new Error("refused"));
    await settle();
    t.same(clock.pending(), [delay]);
    await clock.advance(delay);
  }
  await clock.advance(2_000);
  client.watches.at(-1)?.onEnd();
  await settle();
  t.same(clock.pending(), [], "a healthy watch that ends well is opened again at once");
  t.equal(client.watches.length, 6);
  informer.stop();
});

t.test("410 lists again and tells the difference", async (t) => {
  const { client, clock, informer, seen } = setUp(
    list("10", pod("a", "3"), pod("b", "4"), pod("c", "5", "old")),
    internalError("not yet"),
    list("50", pod("a", "3"), pod("c", "41", "new"), pod("d", "42")),
  );
  await informer.synced;
  await settle();
  seen.length = 0;
  client.watches[0]?.onEnd(gone("too old resource version: 10 (40)"));
  await settle();
  await clock.advance(1_000);
  t.same(seen, ["-c@5", "+c@41", "+d@42", "-b@4"]);
  t.equal(client.watches[1]?.query.resourceVersion, "50");
  informer.stop();
});

t.test("synced waits for the first list, and fails when stopped before", async (t) => {
  const { informer, clock, client } = setUp(new Error("connect ECONNREFUSED"));
  await settle();
  t.same(clock.pending(), [100]);
  informer.stop();
  await t.rejects(informer.synced, /stopped/);
  await settle();
  t.same(clock.pending(), []);
  t.equal(client.watches.length, 0);
});

t.test("objects without a kind get one", async (t) => {
  const { kind, apiVersion, ...bare } = pod("a", "3");
  const { informer } = setUp(list("10", Object.freeze(bare)));
  await informer.synced;
  await settle();
  t.match(informer.get("ns/a"), { kind, apiVersion });
  informer.stop();
});
