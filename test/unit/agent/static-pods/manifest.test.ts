import t from "tap";
import { staticPod } from "#agent/static-pods/manifest.js";

const manifest = (spec: string, kind = "Pod") =>
  `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: web\nspec:\n  containers: [{name: main, image: busybox}]\n${spec}`;
const read = (text: string) => staticPod(text, "/m/web.yaml", "node-1");

t.test("a manifest becomes a Pod of the node", async (t) => {
  const pod = await read(manifest(""));
  t.match(pod, {
    metadata: { name: "web-node-1", namespace: "default", annotations: { "kubernetes.io/config.source": "file" } },
    spec: { nodeName: "node-1", restartPolicy: "Always", tolerations: [{ operator: "Exists", effect: "NoExecute" }] },
  });
  t.equal((await read(manifest(""))).metadata.uid, pod.metadata.uid, "the same file is the same Pod");
  t.not((await read(manifest("  hostNetwork: true"))).metadata.uid, pod.metadata.uid);
});

t.test("what it cannot be is said by name", async (t) => {
  const refused = (text: string, message: RegExp) => t.rejects(read(text), { message });
  await refused(manifest("", "Service"), /\/m\/web.yaml: is no v1 Pod but a Service/);
  await refused("apiVersion: v1\nkind: Pod\nmetadata: {}", /has no name or no containers/);
  await refused(manifest("  serviceAccountName: a"), /a static Pod cannot use spec.serviceAccountName/);
  await refused(manifest("  volumes: [{name: v, configMap: {name: c}}]"), /volume v of type configMap/);
  await refused(`${manifest("")}\n---\n${manifest("")}`, /expected one Pod, found 2 objects/);
  await refused("{", /web.yaml/);
});
