/** Data that outlives its Pods: claims on real nodes, from the first mount to the folder's end. */
import t from "tap";
import type { PersistentVolumeClaim, StatefulSet } from "#api/generated/types.js";
import { openLab, pod, until } from "./lab-session.js";
import { PodWatch, sh, WAIT } from "./pod-watch.js";

const session = await openLab(t);
const { lab } = session;
const ns = await session.namespace(t, "volumes-claims");
const watch = await PodWatch.open(t, ns);
const claim = (name: string) => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "10Mi" } } },
});
const user = (name: string, script: string, mount: object = {}, source: object = {}, spec: object = {}) => {
  const volumeMounts = [{ name: "data", mountPath: "/data", ...mount }];
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data", ...source } }];
  return pod(name, { ...sh(script), volumeMounts }, { volumes, restartPolicy: "Never", ...spec });
};
const folders = async (nodeName: string) => {
  const list = await session.on(lab.node(nodeName), ["sh", "-c", "ls /var/lib/berth/storage 2>/dev/null || true"]);
  return list.split("\n").filter((name) => name.includes("_volumes-claims_"));
};

t.test("what one Pod stores the next one finds, on the same node", async (t) => {
  await ns.apply(claim("data"));
  const write =
    "id -G; echo one >> /data/log; mkdir /data/part; echo x > /data/part/x; ls -n /data/log | awk '{print $4}'";
  await watch.create(user("first", write, {}, {}, { securityContext: { fsGroup: 1234 } }));
  const { spec } = await watch.ended("first");
  t.match(await watch.log("first"), /1234\n1234\n$/, "its group has it");
  await watch.create(user("second", "cat /data/log; echo two >> /data/log && echo written"));
  t.equal((await watch.ended("second")).spec.nodeName, spec.nodeName);
  t.equal(await watch.log("second"), "one\nwritten\n");
  await watch.create(
    user("reader", "cat /data/log; touch /data/no 2>/dev/null || echo read-only", {}, { readOnly: true }),
  );
  await watch.create(user("part", "ls /data", { subPath: "part" }));
  await Promise.all(["reader", "part"].map((name) => watch.ended(name)));
  t.equal(await watch.log("reader"), "one\ntwo\nread-only\n");
  t.equal(await watch.log("part"), "x\n");
  const [folder = ""] = await folders(spec.nodeName!);
  t.match(folder, /^pvc-.*_volumes-claims_data$/);

  await watch.create(user("holder", WAIT));
  await watch.ready("holder");
  await ns.kubectl(["delete", "pvc", "data", "--wait=false"]);
  t.match(await ns.kubectl(["get", "pvc", "data", "--no-headers"]), /^data +Terminating /, "a Pod uses it");
  await watch.remove("holder");
  await until(
    "the claim has gone",
    async () => !(await ns.tryGet<PersistentVolumeClaim>("persistentvolumeclaims", "data")),
  );
  await until("and its folder", async () => (await folders(spec.nodeName!)).length === 0);
});

t.test("a StatefulSet's Pods come back to their data; what goes with it goes", async (t) => {
  const script = `echo $(hostname) >> /data/log; cat /data/log; ${WAIT}`;
  const { spec } = pod("", {
    ...sh(script),
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  }) as StatefulSet["spec"]["template"];
  const labels = { app: "db" };
  const set = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db" },
    spec: {
      replicas: 2,
      serviceName: "db",
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec },
      volumeClaimTemplates: [claim("data")],
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Retain" },
    },
  };
  await ns.apply(set);
  await ns.kubectl(["rollout", "status", "statefulset/db", "--timeout=120s"]);
  const log = () => watch.log("db-1").catch(() => "");
  await until("the first line", async () => (await log()) === "db-1\n");
  await watch.delete("db-1");
  await until("both lines", async () => (await log()) === "db-1\ndb-1\n");
  await ns.kubectl(["delete", "statefulset", "db"]);
  const all = async () => (await Promise.all(lab.workers.map(({ name }) => folders(name)))).flat();
  await until("no folder left", async () => (await all()).length === 0);
  t.match(await session.kubectl(["get", "pv", "--no-headers"]), /^$/);
});
