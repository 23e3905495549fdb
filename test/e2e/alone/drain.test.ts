/** A node is emptied for maintenance, as the documentation has it, and comes back. */
import t from "tap";
import type { Deployment, Pod } from "#api/generated/types.js";
import { nginx, openLab, pod, until } from "../lab-session.js";

const session = await openLab(t);
const ns = await session.namespace(t, "drain");
const { spec } = nginx("logs", 1) as Deployment;
const { template, selector } = spec;

const on = async (app: string) => {
  const pods = await ns.list<Pod>("pods", { labelSelector: `app=${app}` });
  return pods.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ spec }) => spec.nodeName);
};

t.test("kubectl drain", async (t) => {
  t.teardown(() => session.kubectl(["uncordon", "node-1"]));
  await ns.apply(
    nginx("web", 4),
    { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "logs" }, spec: { template, selector } },
    pod("alone", { command: ["sleep", "3600"] }, { nodeName: "node-1", terminationGracePeriodSeconds: 1 }),
  );
  for (const workload of ["deployment/web", "daemonset/logs"])
    await ns.kubectl(["rollout", "status", workload, "--timeout=180s"]);
  await ns.kubectl(["wait", "pod/alone", "--for=condition=Ready", "--timeout=180s"]);
  await ns.kubectl(["create", "pdb", "web", "--selector=app=web", "--min-available=75%"]);
  const drain = ["drain", "node-1", "--timeout=120s"];

  const refused = await ns.tryKubectl(drain);
  t.not(refused.code, 0);
  t.match(refused.stderr, /cannot delete DaemonSet-managed Pods/);
  t.match(refused.stderr, /cannot delete .*Pods that declare no controller/);
  t.match(await session.kubectl(["get", "node", "node-1", "--no-headers"]), /Ready,SchedulingDisabled/);

  const drained = await ns.tryKubectl([...drain, "--ignore-daemonsets", "--force"]);
  t.equal(drained.code, 0, drained.stderr);
  t.match(drained.stdout, /evicting pod drain\/alone[\s\S]*node\/node-1 drained/);
  t.match(drained.stderr, /violate the pod's disruption budget/, "one after the other, as the budget has it");
  t.notOk(await ns.tryGet<Pod>("pod", "alone"), "what nobody manages is gone");
  await ns.kubectl(["rollout", "status", "deployment/web", "--timeout=180s"]);
  t.same(await on("web"), Array(4).fill("node-2"));
  t.same((await on("logs")).sort(), ["node-1", "node-2"], "the DaemonSet's stay");

  await session.kubectl(["uncordon", "node-1"]);
  await ns.kubectl(["scale", "deployment/web", "--replicas=6"]);
  await until("back in use", async () => (await on("web")).includes("node-1"));
});
