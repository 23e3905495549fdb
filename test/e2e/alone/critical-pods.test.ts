/** A full node that is given a critical Pod ends others for it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { busybox, isReady, NodeFixture, skipWithoutEngine } from "#test/fixtures/node-pods.js";

const folder = mkdtempSync(join(tmpdir(), "berth-manifests-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const capacity = { milliCpu: 1000, memory: 1 << 30, pods: 10 };
const cpu = (amount: string) => ({ resources: { requests: { cpu: amount } } });
const critical = { priorityClassName: "system-cluster-critical" };

t.test("critical Pods on a full node", { skip: skipWithoutEngine, timeout: 120_000 }, async (t) => {
  const node = await NodeFixture.open(t, { capacity, manifestFolder: folder });
  const guaranteed = { requests: { cpu: "300m", memory: "16Mi" }, limits: { cpu: "300m", memory: "16Mi" } };
  await node.create("protected", { resources: guaranteed });
  await node.create("large", cpu("500m"));
  await node.create("small", cpu("200m"));
  for (const name of ["protected", "large", "small"]) await node.until(name, "ready", isReady);

  await node.create("too-large", cpu("1100m"), critical);
  const { status: refused } = await node.until("too-large", "refused", ({ status }) => status?.phase === "Failed");
  t.equal(refused?.reason, "OutOfcpu", "nobody is ended in vain");

  await node.create("urgent", cpu("100m"), critical);
  const { status: urgent } = await node.until("urgent", "ready", isReady);
  t.equal(urgent?.phase, "Running");
  const { status } = await node.until("small", "ended", (pod) => pod.status?.phase === "Failed");
  t.match(status, { reason: "Preempting", message: "Preempted in order to admit critical pod" });
  t.match(
    status?.conditions?.find(({ type }) => type === "DisruptionTarget"),
    { status: "True", reason: "TerminationByKubelet" },
  );
  for (const name of ["protected", "large"]) t.ok(isReady((await node.get(name))!), `${name} was left in peace`);

  const own = { metadata: { name: "own" }, spec: { containers: [{ ...busybox("main"), ...cpu("400m") }] } };
  writeFileSync(join(folder, "own.json"), JSON.stringify({ apiVersion: "v1", kind: "Pod", ...own }));
  await node.until("large", "ended for the node's own Pod", (pod) => pod.status?.phase === "Failed");
  await node.until(`own-${node.nodeName}`, "ready", isReady);

  await node.create("ordinary", cpu("300m"));
  const { status: last } = await node.until("ordinary", "refused", (pod) => pod.status?.phase === "Failed");
  t.equal(last?.reason, "OutOfcpu", "for others nobody is ended");
});
