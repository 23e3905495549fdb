/** ReplicaSets, Deployments, StatefulSets and DaemonSets with real Pods, as upstream's conformance tests take them, through kubectl. */
import t, { type Test } from "tap";
import type { Deployment, Node, Pod, ReplicaSet, Scale } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { type NamespaceSession, nginx, openLab, pod, until } from "./lab-session.js";

const session = await openLab(t);
const SETS = "[sig-apps] ReplicaSet";
const DEPLOYMENTS = "[sig-apps] Deployment";
const STATEFUL = "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic]";

type Named = Deployment & { kind: string };
const deployment = (name: string, replicas: number, spec: object = {}) => {
  const made = nginx(name, replicas) as Named;
  return { ...made, metadata: { name, labels: { app: name } }, spec: { ...made.spec, ...spec } };
};
const replicaSet = (name: string, replicas: number) => ({ ...deployment(name, replicas), kind: "ReplicaSet" });

const statefulSet = (name: string, replicas: number, pod: object = {}) => {
  const { metadata, spec } = deployment(name, replicas);
  const template = { ...spec.template, spec: { ...spec.template.spec, ...pod } };
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata, spec: { ...spec, serviceName: name, template } };
};

/** Resolves when that many Pods are ready. */
const ready = (ns: NamespaceSession, kind: string, name: string, replicas: number) =>
  ns.kubectl(["wait", `${kind}/${name}`, `--for=jsonpath={.status.readyReplicas}=${replicas}`, "--timeout=180s"]);

const podsOf = (ns: NamespaceSession, app: string) => ns.list<Pod>("pods", { labelSelector: `app=${app}` });
const part = async <T>(ns: NamespaceSession, kind: string, name: string, subresource: string): Promise<T> =>
  JSON.parse(await ns.kubectl(["get", kind, name, `--subresource=${subresource}`, "-o", "json"]));

/** GET, PUT and PATCH of /scale, which begins at 1. */
async function scaleOf(t: Test, ns: NamespaceSession, kind: string, name: string) {
  const scale = await part<Scale>(ns, kind, name, "scale");
  t.match(scale, { kind: "Scale", spec: { replicas: 1 }, status: { replicas: 1 } });
  // Without a version the write is unconditional.
  const body = { ...scale, metadata: { ...scale.metadata, resourceVersion: "" }, spec: { replicas: 2 } };
  const path = `/apis/apps/v1/namespaces/${ns.name}/${kind}s/${name}/scale`;
  await ns.kubectl(["replace", "--raw", path, "-f", "-"], JSON.stringify(body));
  t.equal((await ns.get<ReplicaSet>(kind, name)).spec?.replicas, 2);
  await ns.kubectl(["patch", kind, name, "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":3}}']);
  t.equal((await ns.get<ReplicaSet>(kind, name)).spec?.replicas, 3);
  await ready(ns, kind, name, 3);
}

/** GET, PUT and PATCH of /status: a client's conditions stay beside the controller's, until a patch replaces the list. */
async function statusOf(t: Test, ns: NamespaceSession, kind: string, name: string) {
  const condition = { type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from a test" };
  await until("status written", async () => {
    const read = await part<Deployment>(ns, kind, name, "status");
    const conditions = [...(read.status?.conditions ?? []), condition];
    const body = JSON.stringify({ ...read, status: { ...read.status, conditions } });
    // The controller may have been faster: then it is a conflict.
    return (await ns.tryKubectl(["replace", "--subresource=status", "-f", "-"], { input: body })).code === 0;
  });
  const types = async () => (await ns.get<Deployment>(kind, name)).status?.conditions?.map(({ type }) => type) ?? [];
  await until("condition seen", async () => (await types()).includes("StatusUpdate"));
  const patch = '{"status":{"conditions":[{"type":"StatusPatched","status":"True"}]}}';
  await ns.kubectl(["patch", kind, name, "--subresource=status", "--type=merge", "-p", patch]);
  await until("patched condition seen", async () => (await types()).includes("StatusPatched"));
  t.equal((await ns.get<Deployment>(kind, name)).metadata.generation, 3, "only content counts");
}

t.test("ReplicaSets", async (t) => {
  const ns = await session.namespace(t, "sets");

  await t.test("scale and status", async (t) => {
    proves(t, `${SETS} Replicaset should have a working scale subresource [Conformance]`);
    proves(t, `${SETS} should validate Replicaset Status endpoints [Conformance]`);
    await ns.apply(replicaSet("scaled", 1));
    await ready(ns, "replicaset", "scaled", 1);
    await scaleOf(t, ns, "replicaset", "scaled");
    await statusOf(t, ns, "replicaset", "scaled");
  });

  await t.test("a patch of all of it takes effect on new Pods", async (t) => {
    proves(t, `${SETS} Replace and Patch tests [Conformance]`);
    await ns.apply(replicaSet("patched", 1));
    await ready(ns, "replicaset", "patched", 1);
    await ns.kubectl(["scale", "replicaset/patched", "--replicas=2"]);
    const containers = [{ name: "nginx", image: "busybox:latest", command: ["sleep", "300"] }];
    const spec = { replicas: 3, template: { spec: { terminationGracePeriodSeconds: 0, containers } } };
    const patch = JSON.stringify({ metadata: { labels: { "test-rs": "patched" } }, spec });
    await ns.kubectl(["patch", "replicaset", "patched", "-p", patch]);
    await ns.kubectl([
      ...["wait", "replicaset", "-l", "test-rs=patched", "--timeout=180s"],
      "--for=jsonpath={.status.availableReplicas}=3",
    ]);
    const { spec: stored, status } = await ns.get<ReplicaSet>("replicaset", "patched");
    t.match(stored?.template?.spec, { terminationGracePeriodSeconds: 0, containers: [{ image: "busybox:latest" }] });
    t.equal(status?.readyReplicas, 3);
  });

  await t.test("a matching Pod is adopted, one that matches no more released", async (t) => {
    proves(t, `${SETS} should adopt matching pods on creation and release no longer matching pods [Conformance]`);
    const [container] = deployment("adopting", 1).spec.template.spec!.containers;
    const metadata = { name: "stray", labels: { app: "adopting" } };
    const spec = { terminationGracePeriodSeconds: 1, containers: [container] };
    await ns.apply({ apiVersion: "v1", kind: "Pod", metadata, spec });
    await ns.kubectl(["wait", "pod/stray", "--for=condition=Ready", "--timeout=180s"]);
    await ns.apply(replicaSet("adopting", 1));
    const { uid } = (await ns.get<ReplicaSet>("replicaset", "adopting")).metadata;
    const owner = async () => (await ns.get<Pod>("pod", "stray")).metadata.ownerReferences?.find((o) => o.controller);
    await until("adopted", async () => (await owner())?.uid === uid);
    t.equal((await podsOf(ns, "adopting")).length, 1, "none was made besides");
    await ns.kubectl(["label", "--overwrite", "pod/stray", "app=elsewhere"]);
    await until("released", async () => !(await owner()));
    await until("replaced", async () => (await podsOf(ns, "adopting")).length === 1);
  });

  await t.test("a collection is listed and deleted by label", async (t) => {
    proves(t, `${SETS} should list and delete a collection of ReplicaSets [Conformance]`);
    await ns.kubectl(["label", "replicaset", "--all", "e2e=listed"]);
    await ns.apply(replicaSet("kept", 0));
    const listed = () => session.kubectl(["get", "replicaset", "-A", "-l", "e2e=listed", "-o", "name"]);
    t.equal((await listed()).trim().split("\n").length, 3);
    const path = `/apis/apps/v1/namespaces/${ns.name}/replicasets?labelSelector=e2e%3Dlisted`;
    await ns.kubectl(["delete", "--raw", path]);
    t.equal(await listed(), "");
    t.equal((await ns.get<ReplicaSet>("replicaset", "kept")).spec?.replicas, 0);
  });
});

t.test("Deployments", async (t) => {
  const ns = await session.namespace(t, "deployments");

  await t.test("scale and status", async (t) => {
    proves(t, `${DEPLOYMENTS} Deployment should have a working scale subresource [Conformance]`);
    proves(t, `${DEPLOYMENTS} should validate Deployment Status endpoints [Conformance]`);
    await ns.apply(deployment("scaled", 1));
    await ready(ns, "deployment", "scaled", 1);
    await scaleOf(t, ns, "deployment", "scaled");
    await statusOf(t, ns, "deployment", "scaled");
    await ns.kubectl(["delete", "deployment", "scaled"]);
  });

  await t.test("Recreate ends all old Pods before it makes new ones", async (t) => {
    proves(t, `${DEPLOYMENTS} RecreateDeployment should delete old pods and create new ones [Conformance]`);
    await ns.apply(deployment("again", 2, { strategy: { type: "Recreate" } }));
    await ready(ns, "deployment", "again", 2);
    const old = new Set((await podsOf(ns, "again")).map(({ metadata }) => metadata.uid));
    await ns.kubectl(["set", "env", "deployment/again", "COLOR=blue"]);
    await until("new Pods", async () => {
      const pods = await podsOf(ns, "again");
      const fresh = pods.filter(({ metadata }) => !old.has(metadata.uid));
      const left = pods.filter(({ metadata }) => old.has(metadata.uid));
      const running = left.filter(({ status }) => status?.phase === "Running");
      if (fresh.length > 0 && running.length > 0) t.fail("new Pods beside running old ones");
      return fresh.length === 2 && left.length === 0;
    });
    await ns.kubectl(["rollout", "status", "deployment/again", "--timeout=180s"]);
    await ns.kubectl(["delete", "deployment", "again"]);
  });

  await t.test(
    "Pods of a ReplicaSet that a Deployment takes over are replaced; the old set is cleaned up",
    async (t) => {
      proves(t, `${DEPLOYMENTS} RollingUpdateDeployment should delete old pods and create new ones [Conformance]`);
      proves(t, `${DEPLOYMENTS} deployment should delete old replica sets [Conformance]`);
      const revision = "deployment.kubernetes.io/revision";
      for (const [name, revisionHistoryLimit] of [
        ["rolled", 10],
        ["tidy", 0],
      ] as const) {
        const set = replicaSet(name, 1);
        await ns.apply({ ...set, metadata: { ...set.metadata, annotations: { [revision]: "41" } } });
        await ready(ns, "replicaset", name, 1);
        const { template } = deployment(name, 1).spec;
        const [container] = template.spec!.containers;
        const spec = { ...template.spec, containers: [{ ...container, env: [{ name: "COLOR", value: "blue" }] }] };
        await ns.apply(deployment(name, 1, { revisionHistoryLimit, template: { ...template, spec } }));
      }
      const sets = (name: string) => ns.list<ReplicaSet>("replicasets", { labelSelector: `app=${name}` });
      for (const name of ["rolled", "tidy"]) {
        await ns.kubectl(["rollout", "status", `deployment/${name}`, "--timeout=180s"]);
      }
      const made = await ns.get<Deployment>("deployment", "rolled");
      t.equal(made.metadata.annotations?.[revision], "42", "one more than the set it took over");
      await until("old Pods gone", async () => (await podsOf(ns, "rolled")).length === 1);
      const [old, fresh] = (await sets("rolled")).sort((a) => (a.metadata.name === "rolled" ? -1 : 1));
      t.match(old, {
        spec: { replicas: 0 },
        metadata: { ownerReferences: [{ uid: made.metadata.uid, controller: true }] },
      });
      t.match(fresh, { spec: { replicas: 1 }, status: { readyReplicas: 1 } });
      await until("old set deleted", async () =>
        (await sets("tidy")).every(({ metadata }) => metadata.name !== "tidy"),
      );
      t.equal((await sets("tidy")).length, 1);
    },
  );
});

t.test("StatefulSets", async (t) => {
  const ns = await session.namespace(t, "stateful");
  const rolledOut = (name: string) => ns.kubectl(["rollout", "status", `statefulset/${name}`, "--timeout=180s"]);

  await t.test("scale and status", async (t) => {
    proves(t, `${STATEFUL} should have a working scale subresource [Conformance]`);
    proves(t, `${STATEFUL} should validate Statefulset Status endpoints [Conformance]`);
    await ns.apply(statefulSet("scaled", 1));
    await ready(ns, "statefulset", "scaled", 1);
    await scaleOf(t, ns, "statefulset", "scaled");
    await statusOf(t, ns, "statefulset", "scaled");
  });

  await t.test("a rollout by kubectl, its history, and back", async (t) => {
    await ns.kubectl(["set", "env", "statefulset/scaled", "COLOR=blue"]);
    await rolledOut("scaled");
    const color = async () => ns.kubectl(["exec", "scaled-0", "--", "sh", "-c", "echo $COLOR"]);
    t.equal(await color(), "blue\n");
    t.match(await ns.kubectl(["rollout", "history", "statefulset/scaled", "--revision=2"]), /COLOR:\s+blue/);
    await ns.kubectl(["rollout", "undo", "statefulset/scaled"]);
    await rolledOut("scaled");
    t.equal(await color(), "\n");
    t.match(await ns.kubectl(["rollout", "history", "statefulset/scaled"]), /\n2 .*\n3 /);
    await ns.kubectl(["rollout", "restart", "statefulset/scaled"]);
    await rolledOut("scaled");
  });

  await t.test("a Pod that its node refuses is made again until it fits", async (t) => {
    proves(t, `${STATEFUL} Should recreate evicted statefulset [Conformance]`);
    const node = { nodeName: "node-1" };
    const asking = (cpu: string) => ({ resources: { requests: { cpu } } });
    const { allocatable } = (await ns.get<Node>("node", "node-1")).status!;
    // More than half of the node: there is no room for two.
    const most = asking(`${Math.round(Number(allocatable?.["cpu"]) * 550)}m`);
    await ns.apply(
      pod("first", { command: ["sleep", "3600"], ...most }, { ...node, terminationGracePeriodSeconds: 0 }),
    );
    await ns.kubectl(["wait", "pod/first", "--for=condition=Ready", "--timeout=180s"]);
    const [container] = deployment("late", 1).spec.template.spec!.containers;
    await ns.apply(statefulSet("late", 1, { ...node, containers: [{ ...container, ...most }] }));
    const seen = new Set<string>();
    await until("refused and made again", async () => {
      const found = await ns.tryGet<Pod>("pod", "late-0");
      if (found) seen.add(found.metadata.uid);
      return seen.size > 2;
    });
    await ns.kubectl(["delete", "pod", "first"]);
    await ready(ns, "statefulset", "late", 1);
    t.equal((await podsOf(ns, "late")).length, 1);
  });

  await t.test("a collection is listed, patched and deleted by label", async (t) => {
    proves(t, `${STATEFUL} should list, patch and delete a collection of StatefulSets [Conformance]`);
    const listed = () => session.kubectl(["get", "statefulset", "-A", "-l", "e2e=listed", "-o", "name"]);
    await ns.kubectl(["label", "statefulset", "--all", "e2e=listed"]);
    t.equal((await listed()).trim().split("\n").length, 2);
    const patch = { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } } };
    await ns.kubectl(["patch", "statefulset", "late", "-p", JSON.stringify(patch)]);
    await rolledOut("late");
    const [late] = await podsOf(ns, "late");
    t.equal(late?.spec.terminationGracePeriodSeconds, 1);
    await ns.kubectl([
      "delete",
      "--raw",
      `/apis/apps/v1/namespaces/${ns.name}/statefulsets?labelSelector=e2e%3Dlisted`,
    ]);
    t.equal(await listed(), "");
    await until("Pods and revisions gone", async () => (await ns.kubectl(["get", "pods,controllerrevisions"])) === "");
  });
});

t.test("DaemonSets", async (t) => {
  const ns = await session.namespace(t, "daemons");
  const { template, selector } = deployment("logs", 1).spec;
  await ns.apply({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "logs" },
    spec: { template, selector },
  });
  const rolledOut = () => ns.kubectl(["rollout", "status", "daemonset/logs", "--timeout=180s"]);
  const colors = async () => {
    const found = new Map<string, string>();
    for (const { metadata, spec } of await podsOf(ns, "logs")) {
      if (metadata.deletionTimestamp) continue;
      const color = await ns.kubectl(["exec", metadata.name, "--", "sh", "-c", "echo $COLOR"]);
      found.set(spec.nodeName ?? "", color.trim());
    }
    return Object.fromEntries([...found].sort());
  };
  await rolledOut();
  t.same(await colors(), { "node-1": "", "node-2": "" });
  await ns.kubectl(["set", "env", "daemonset/logs", "COLOR=blue"]);
  await rolledOut();
  t.same(await colors(), { "node-1": "blue", "node-2": "blue" });
  t.match(await ns.kubectl(["get", "daemonset", "logs", "--no-headers"]), /^logs +2 +2 +2 +2 +2 +<none>/);
  await ns.kubectl(["rollout", "undo", "daemonset/logs"]);
  await rolledOut();
  t.same(await colors(), { "node-1": "", "node-2": "" });
});
