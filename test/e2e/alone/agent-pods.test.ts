import t from "tap";
import { configMaps } from "#api/refs.js";
import { eventually } from "#test/fixtures/api-server.js";
import { busybox, isReady, NodeFixture, sh, skipWithoutEngine } from "#test/fixtures/node-pods.js";

/** The API forgets a Pod before its node has put everything away. */
const soon = (what: string, check: () => Promise<boolean> | boolean) =>
  eventually(async () => ((await check()) ? true : undefined), what);

t.test("Pods on Docker", { skip: skipWithoutEngine, timeout: 400_000 }, async (t) => {
  const node = await NodeFixture.open(t);

  await t.test("a Pod runs, says so in full, and goes without leaving anything", async (t) => {
    await node.create("web", {});
    const pod = await node.until("web", "ready", isReady);
    t.match(pod.status, {
      phase: "Running",
      podIP: /^192\.0\.2\./,
      hostIP: "192.0.2.1",
      qosClass: "BestEffort",
      startTime: /Z$/,
      containerStatuses: [
        {
          name: "main",
          ready: true,
          started: true,
          restartCount: 0,
          image: "busybox:latest",
          imageID: /^docker:\/\/sha256:/,
          containerID: /^docker:\/\/[0-9a-f]{64}$/,
          state: { running: { startedAt: /Z$/ } },
        },
      ],
    });
    const types = (pod.status?.conditions ?? []).map(({ type, status }) => `${type}=${status}`).sort();
    t.same(types, [
      "ContainersReady=True",
      "Initialized=True",
      "PodReadyToStartContainers=True",
      "PodScheduled=True",
      "Ready=True",
    ]);
    await node.untilEvent("web", /^Started: Started container main$/);
    await node.untilEvent(
      "web",
      /^Pulled: Container image "busybox:latest" already present on machine and can be accessed by the pod$/,
    );
    await node.untilEvent("web", /^Created: Created container: main$/);
    await node.delete("web");
    await node.gone("web");
    await node.untilEvent("web", /^Killing: Stopping container main$/);
    await soon("no container", async () => (await node.runtime.listContainers()).length === 0);
    await soon("no sandbox", async () => (await node.runtime.listSandboxes()).length === 0);
    await soon("no address", () => node.network.attached.size === 0);
  });

  await t.test("init containers in order, then the others, sharing a volume", async (t) => {
    const mount = { volumeMounts: [{ name: "v", mountPath: "/v" }] };
    const step = (name: string) => ({ ...busybox(name), ...mount, command: sh(`echo ${name} >> /v/order`) });
    await node.create(
      "order",
      { ...mount, command: sh("cat /v/order") },
      { restartPolicy: "Never", initContainers: [step("one"), step("two")], volumes: [{ name: "v", emptyDir: {} }] },
    );
    const pod = await node.until("order", "finished", ({ status }) => status?.phase === "Succeeded");
    t.equal(await node.log("order"), "one\ntwo\n");
    t.match(pod.status?.initContainerStatuses, [{ ready: true }, { ready: true }]);
    t.match(pod.status?.containerStatuses, [{ state: { terminated: { reason: "Completed", exitCode: 0 } } }]);
    t.match(
      pod.status?.conditions?.find(({ type }) => type === "Ready"),
      { status: "False", reason: "PodCompleted" },
    );
    await node.delete("order");
    await node.gone("order");
  });

  await t.test("environment, configuration and last words", async (t) => {
    await node.configMap("settings", { color: "blue" });
    await node.create(
      "env",
      {
        env: [
          { name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "color" } } },
          { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        ],
        command: sh(
          "echo $COLOR $IP; grep -c Kubernetes-managed /etc/hosts; echo -n words > /dev/termination-log; exit 3",
        ),
      },
      { restartPolicy: "Never" },
    );
    const pod = await node.until("env", "finished", ({ status }) => status?.phase === "Failed");
    t.match(await node.log("env"), /^blue 192\.0\.2\.\d+\n1\n$/);
    const [status] = pod.status?.containerStatuses ?? [];
    t.match(status?.state?.terminated, { exitCode: 3, reason: "Error", message: "words" });
    await node.delete("env");
    await node.gone("env");
  });

  await t.test("a container that crashes comes back, with back-off", async (t) => {
    await node.create("crash", { command: sh("echo run; exit 42") });
    const pod = await node.until(
      "crash",
      "in back-off",
      ({ status }) =>
        status?.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff" &&
        status.containerStatuses[0].restartCount >= 2,
    );
    t.match(pod.status?.containerStatuses?.[0], {
      ready: false,
      lastState: { terminated: { exitCode: 42, reason: "Error" } },
      state: { waiting: { message: /^back-off \d+\S+ restarting failed container=main pod=crash_default\(/ } },
    });
    t.equal(pod.status?.phase, "Running");
    await node.untilEvent("crash", /^BackOff: Back-off restarting failed container main in pod crash_default\(/);
    const attempts = async () => (await node.runtime.listContainers(pod.metadata.uid)).length;
    await soon("the last two attempts are kept", async () => (await attempts()) === 2);
    // The one before may be removed while it is read: then another is.
    const previous = () => node.log("crash", "main", true).catch(() => "");
    await soon("what it said before", async () => (await previous()) === "run\n");
    await node.delete("crash");
    await node.gone("crash");
  });

  await t.test("what cannot be started says why", async (t) => {
    await node.create("typo", { command: ["/bin/no-such-program"] });
    const pod = await node.until("typo", "in back-off", ({ status }) =>
      Boolean(
        ["RunContainerError", "CrashLoopBackOff"].includes(
          status?.containerStatuses?.[0]?.state?.waiting?.reason ?? "",
        ) && status?.containerStatuses?.[0]?.lastState?.terminated,
      ),
    );
    t.match(pod.status?.containerStatuses?.[0]?.lastState?.terminated, { exitCode: 127, reason: "ContainerCannotRun" });
    await node.untilEvent("typo", /^Failed: Error: failed to start container "main": .*no-such-program.*no such file/s);
    await node.create("lost", { image: "localhost:1/lost:1" });
    await node.until("lost", "ImagePullBackOff", ({ status }) =>
      /^ErrImagePull|ImagePullBackOff$/.test(status?.containerStatuses?.[0]?.state?.waiting?.reason ?? ""),
    );
    await node.untilEvent("lost", /^Failed: Failed to pull image "localhost:1\/lost:1": /);
    await node.untilEvent("lost", /^BackOff: Back-off pulling image "localhost:1\/lost:1"$/);
    await node.create("missing", { envFrom: [{ configMapRef: { name: "nope" } }] });
    await node.until(
      "missing",
      "CreateContainerConfigError",
      ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError",
    );
    await node.untilEvent("missing", /^Failed: Error: configmap "nope" not found$/);
    await node.configMap("nope", {});
    await node.until("missing", "ready once the cause is gone", isReady);
    for (const name of ["typo", "lost", "missing"]) await node.delete(name);
    for (const name of ["typo", "lost", "missing"]) await node.gone(name);
  });

  await t.test("volumes follow their ConfigMap, and a missing one holds the Pod", async (t) => {
    const volumes = [{ name: "v", configMap: { name: "live" } }];
    await node.create("reader", { volumeMounts: [{ name: "v", mountPath: "/v" }] }, { volumes });
    await node.untilEvent(
      "reader",
      /^FailedMount: MountVolume.SetUp failed for volume "v" : configmap "live" not found$/,
    );
    await node.configMap("live", { word: "before" });
    const pod = await node.until("reader", "ready", isReady);
    const id = node.pods.containerId("default", "reader", "main") ?? "";
    const read = async () => (await node.runtime.execSync(id, ["cat", "/v/word"], 30_000)).stdout;
    t.equal(await read(), "before");
    const patch = { type: "application/merge-patch+json" as const, body: { data: { word: "after" } } };
    await node.client.patch(configMaps, "live", patch, { namespace: "default" });
    await soon("the new word", async () => (await read()) === "after");
    t.equal(pod.status?.containerStatuses?.[0]?.restartCount, 0);
    await node.delete("reader");
    await node.gone("reader");
  });

  await t.test("probes: readiness decides, liveness restarts", async (t) => {
    const probe = (command: string[]) => ({
      exec: { command },
      periodSeconds: 1,
      failureThreshold: 1,
      timeoutSeconds: 30,
    });
    await node.create("probed", {
      readinessProbe: probe(["test", "-e", "/ready"]),
      livenessProbe: probe(["test", "!", "-e", "/sick"]),
    });
    await node.untilEvent("probed", /^Unhealthy: Readiness probe failed: $/);
    const waiting = await node.until("probed", "running", ({ status }) => status?.phase === "Running");
    t.match(
      waiting.status?.conditions?.find(({ type }) => type === "Ready"),
      {
        status: "False",
        reason: "ContainersNotReady",
        message: "containers with unready status: [main]",
      },
    );
    const id = node.pods.containerId("default", "probed", "main") ?? "";
    await node.runtime.execSync(id, ["touch", "/ready"], 30_000);
    await node.until("probed", "ready", isReady);
    await node.runtime.execSync(id, ["touch", "/sick"], 30_000);
    await node.until("probed", "restarted", ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1);
    await node.untilEvent("probed", /^Killing: Container main failed liveness probe, will be restarted$/);
    await node.delete("probed");
    await node.gone("probed");
  });

  await t.test("an agent that starts again disturbs nothing, and clears what the API has forgotten", async (t) => {
    await node.create("stays", {});
    await node.create("goes", {});
    const before = await node.until("stays", "ready", isReady);
    await node.until("goes", "ready", isReady);
    await node.pods.stop();
    await node.delete("goes", 0);
    t.equal((await node.runtime.listContainers()).length, 2);
    node.start();
    const gone = async () => (await node.runtime.listContainers()).length === 1;
    await soon("the orphan is gone", gone);
    const after = await node.until("stays", "ready", isReady);
    t.same(after.status?.containerStatuses, before.status?.containerStatuses);
    t.same(after.status?.podIP, before.status?.podIP);
    await node.delete("stays");
    await node.gone("stays");
    await soon("no address", () => node.network.attached.size === 0);
  });

  await t.test("a sandbox that dies is made again, with the containers", async () => {
    const { metadata } = await node.create("lostnet", {});
    await node.until("lostnet", "ready", isReady);
    const sandbox = (await node.runtime.listSandboxes()).find(({ pod }) => pod.uid === metadata.uid);
    await node.runtime.stopSandbox(sandbox?.id ?? "");
    await node.untilEvent("lostnet", /^SandboxChanged: Pod sandbox changed, it will be killed and re-created.$/);
    await node.until(
      "lostnet",
      "ready again",
      (pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1,
    );
    await node.delete("lostnet");
    await node.gone("lostnet");
  });

  await t.test("a network that refuses is said, and heals", async () => {
    node.network.refuse = "no IP addresses available in range set: 10.244.0.1-10.244.0.254";
    await node.create("crowded", {});
    await node.untilEvent(
      "crowded",
      /^FailedCreatePodSandBox: Failed to create pod sandbox: .*network: no IP addresses available/,
    );
    node.network.refuse = undefined;
    await node.until("crowded", "ready", isReady);
    await node.delete("crowded");
    await node.gone("crowded");
  });
});
