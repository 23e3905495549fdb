/** Pods as objects: watched, changed, patched, deleted; their generations; what is added to one that runs. */
import t from "tap";
import type { EphemeralContainer, Node, Pod } from "#api/generated/types.js";
import { nodes, pods } from "#api/refs.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";
import { execOverSocket, received } from "./pod-streams.js";
import { condition, container, nodeConformance, nodeTest, PodWatch, sh, stateOf, WAIT } from "./pod-watch.js";

t.jobs = 20;
const session = await openLab(t);
const ns = await session.namespace(t, "pod-updates");
const watch = await PodWatch.open(t, ns);
const { client, namespace } = watch;

const labelled = (name: string, labels: Record<string, string>, spec: object = {}) => {
  const made = pod(name, sh(`echo up; ${WAIT}`), spec) as { metadata: object };
  return { ...made, metadata: { ...made.metadata, labels, generation: 100 } };
};
const names = ["removed", "updated", "status", "life", "counted", "ended", "many", "streams", "debugged"];
await watch.createAll([
  ...names.map((name) => labelled(name, { name })),
  ...["a", "b", "c"].map((name) => labelled(`set-${name}`, { type: "collection" })),
]);
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;
const observed = (generation: number) => (found: Pod) =>
  found.metadata.generation === generation &&
  found.status?.observedGeneration === generation &&
  found.status.conditions?.every((c) => c.observedGeneration === generation);

t.test("submitted, seen by all, removed", async (t) => {
  proves(t, nodeConformance("Pods should be submitted and removed"));
  proves(t, nodeConformance("Pods should get a host IP"));
  const ready = await watch.ready("removed");
  const node = await client.get<Node>(nodes, ready.spec.nodeName ?? "");
  t.equal(ready.status?.hostIP, node.status?.addresses?.find(({ type }) => type === "InternalIP")?.address);
  const listed = await client.list(pods, { namespace, labelSelector: "name=removed" });
  t.equal(listed.items.length, 1);
  await watch.delete("removed", 30);
  await watch.gone("removed");
  t.ok(watch.history("removed").some(({ metadata }) => metadata.deletionGracePeriodSeconds === 30));
});

t.test("updated", async (t) => {
  proves(t, nodeConformance("Pods should be updated"));
  const ready = await watch.ready("updated");
  const { labels } = ready.metadata;
  const fresh = await client.get(pods, "updated", namespace);
  await client.update(pods, { ...fresh, metadata: { ...fresh.metadata, labels: { ...labels, time: "later" } } });
  t.equal((await client.list(pods, { namespace, labelSelector: "time=later" })).items.length, 1);
});

t.test("generations rise with the spec, and the node says how far it is", async (t) => {
  const generation = (what: string) => `[sig-node] Pods Extended (pod generation) Pod Generation ${what}`;
  proves(
    t,
    generation("pod generation should start at 1 and increment per update [MinimumKubeletVersion:1.34] [Conformance]"),
  );
  t.equal((await watch.ready("counted")).metadata.generation, 1);
  await watch.until("counted", "observed", observed(1));
  await watch.patch("counted", { metadata: { labels: { more: "labels" } } });
  const images = (image: string) => ({ spec: { containers: [{ name: "main", image }] } });
  t.equal((await watch.patch("counted", { spec: { activeDeadlineSeconds: 5000 } })).metadata.generation, 2);
  await watch.until("counted", "observed", observed(2));
  t.equal((await watch.patch("counted", images("nginx:latest"))).metadata.generation, 3);
  const tolerations = [...(watch.history("counted").at(-1)?.spec.tolerations ?? []), { key: "k", operator: "Exists" }];
  t.equal(
    (await client.patch(pods, "counted", merge({ spec: { tolerations } }), { namespace })).metadata.generation,
    4,
  );
  await watch.until("counted", "observed", observed(4));
});

t.test("a generation is the server's own, and a graceful delete raises it", async (t) => {
  proves(
    t,
    "[sig-node] Pods Extended (pod generation) Pod Generation custom-set generation on new pods and graceful delete [Conformance]",
  );
  t.equal((await watch.ready("ended")).metadata.generation, 1, "100 was asked for");
  await watch.delete("ended");
  const marked = await watch.until("ended", "marked", ({ metadata }) => metadata.deletionTimestamp);
  t.equal(marked.metadata.generation, 2);
});

t.test("five hundred updates", async (t) => {
  proves(
    t,
    "[sig-node] Pods Extended (pod generation) Pod Generation issue 500 podspec updates and verify generation and observedGeneration eventually converge [MinimumKubeletVersion:1.34] [Conformance]",
  );
  await watch.ready("many");
  for (let i = 0; i < 500; i++) await watch.patch("many", { spec: { activeDeadlineSeconds: 10_000 - i } });
  await watch.until("many", "observed", observed(501));
});

t.test("a status that someone else patches", async (t) => {
  proves(t, nodeTest("Pods should patch a pod status"));
  await watch.ready("status");
  const patched = await watch.patch("status", { status: { message: "Patched by e2e test", reason: "E2E" } }, "status");
  t.match(patched.status, { message: "Patched by e2e test", reason: "E2E" });
});

t.test("the life of a Pod and of its status", async (t) => {
  proves(t, nodeTest("Pods should run through the lifecycle of Pods and PodStatus"));
  await watch.ready("life");
  await watch.patch("life", {
    metadata: { labels: { "test-pod": "patched" } },
    spec: { containers: [{ name: "main", image: "nginx:latest" }] },
  });
  const changed = await watch.until("life", "patched", ({ metadata }) => metadata.labels?.["test-pod"] === "patched");
  t.equal(changed.spec.containers[0]?.image, "nginx:latest");
  await watch.until(
    "life",
    "restarted",
    (found) => (container(found)?.restartCount ?? 0) > 0 && condition(found, "Ready")?.status === "True",
  );
  const { stdout } = await ns.tryKubectl([
    "get",
    "pod",
    "life",
    "--subresource=status",
    "-o",
    "jsonpath={.status.phase}",
  ]);
  t.equal(stdout, "Running");
  const conditions = [{ type: "Ready", status: "False" }];
  const patched = await watch.patch("life", { status: { conditions } }, "status");
  t.equal(condition(patched, "Ready")?.status, "False");
  const fresh = await client.get(pods, "life", namespace);
  t.equal(fresh.metadata.labels?.["test-pod"], "patched");
  await client.deleteCollection(pods, { namespace, labelSelector: "test-pod=patched" }, { gracePeriodSeconds: 1 });
  await watch.gone("life");
});

t.test("a collection is deleted by its label", async (t) => {
  proves(t, nodeTest("Pods should delete a collection of pods"));
  await Promise.all(["a", "b", "c"].map((name) => watch.ready(`set-${name}`)));
  await client.deleteCollection(pods, { namespace, labelSelector: "type=collection" }, { gracePeriodSeconds: 1 });
  await Promise.all(["a", "b", "c"].map((name) => watch.gone(`set-${name}`)));
  t.equal((await client.list(pods, { namespace, labelSelector: "type=collection" })).items.length, 0);
});

t.test("exec and logs over WebSockets, in the first versions of their protocols", async (t) => {
  proves(t, nodeConformance("Pods should support remote command execution over websockets"));
  proves(t, nodeConformance("Pods should support retrieving logs from the container over websockets"));
  await watch.ready("streams");
  const { lab } = session;
  const command = ["echo", "remote execution test"];
  t.equal(
    await execOverSocket(lab, namespace, "streams", command, "main", "channel.k8s.io"),
    "remote execution test\n",
  );
  t.equal(await watch.log("streams"), "up\n");
  const text = await received(lab, namespace, "streams/log?container=main", "base64.binary.k8s.io");
  t.equal(Buffer.from(text.join(""), "base64").toString(), "up\n");
});

t.test("ephemeral containers look into a Pod that runs", async (t) => {
  const upstream = (what: string) => `[sig-node] Ephemeral Containers [NodeConformance] ${what} [Conformance]`;
  proves(
    t,
    upstream("will start an ephemeral container in an existing pod"),
    upstream("should update the ephemeral containers in an existing pod"),
  );
  await watch.ready("debugged");
  const debug = (name: string, more: object): EphemeralContainer => ({
    name,
    image: "busybox:latest",
    imagePullPolicy: "IfNotPresent",
    ...more,
  });
  const first = debug("debugger", {
    ...sh("ps; echo polo; sleep 600"),
    targetContainerName: "main",
    tty: true,
    stdin: true,
  });
  const patched = await watch.patch("debugged", { spec: { ephemeralContainers: [first] } }, "ephemeralcontainers");
  t.equal(patched.metadata.generation, 2);
  const running = await watch.until("debugged", "debugger", (found) => stateOf(found, "debugger").running);
  t.equal(container(running)?.restartCount, 0);
  const log = () => watch.log("debugged", "debugger");
  t.match(
    await until("its log", async () => (await log()).includes("polo") && (await log())),
    /while :; do sleep/,
    "it sees the other's processes",
  );
  const fresh = await client.get(pods, "debugged", namespace);
  const ephemeralContainers = [...(fresh.spec.ephemeralContainers ?? []), debug("second", sh("exit 3"))];
  await client.update(
    pods,
    { ...fresh, spec: { ...fresh.spec, ephemeralContainers } },
    { subresource: "ephemeralcontainers" },
  );
  const ended = await watch.until("debugged", "second", (found) => stateOf(found, "second").terminated);
  t.match(stateOf(ended, "second"), { terminated: { exitCode: 3, reason: "Error" } });
  t.match(ended.status, { phase: "Running" });
  t.equal(await watch.exec("debugged", ["echo", "marco"], "debugger"), "marco\n");
  const gone = watch.client.patch(pods, "debugged", merge({ spec: { ephemeralContainers: [] } }), {
    namespace,
    subresource: "ephemeralcontainers",
  });
  await t.rejects(gone, { message: /existing ephemeral containers "debugger" may not be removed/ });
  const bad = watch.patch(
    "debugged",
    { spec: { ephemeralContainers: [debug("bad", { ports: [{ containerPort: 80 }] })] } },
    "ephemeralcontainers",
  );
  await t.rejects(bad, { message: /ports: Forbidden: cannot be set for an Ephemeral Container/ });
  const kubectl = [
    "debug",
    "debugged",
    "--image=busybox:latest",
    "--image-pull-policy=IfNotPresent",
    "-c",
    "third",
    "--",
    "true",
  ];
  t.match(await ns.tryKubectl(kubectl), { code: 0 });
  await watch.until("debugged", "third", (found) => stateOf(found, "third").terminated);
});

t.test("a terminal of one's own in a Pod, and that of its container", async (t) => {
  await watch.create(pod("attached", { ...sh("read word; echo heard $word; sleep 600"), stdin: true }));
  await Promise.all([watch.ready("streams"), watch.ready("attached")]);
  const image = ["--image=busybox:latest", "--image-pull-policy=IfNotPresent"];
  const debug = ["debug", "streams", ...image, "-i", "-c", "shell", "--", "sh"];
  const typed = await ns.tryKubectl(debug, { input: "sleep 1; echo said $((40+2))\nexit\n" });
  t.match(typed.stdout + (await watch.log("streams", "shell")), /said 42/, typed.stderr);
  // It stays with the container until that ends; what was heard is in the log.
  const attached = ns
    .tryKubectl(["attach", "-i", "attached"], { input: "hello\n", timeoutMs: 30_000 })
    .catch(() => undefined);
  await until("the word is heard", async () => (await watch.log("attached")) === "heard hello\n");
  await watch.delete("attached", 0);
  await attached;
});
