/** kubectl's commands as upstream's conformance tests take them, on ReplicationControllers and Pods that run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import t from "tap";
import type { Pod, ReplicationController, Scale, Service } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { temporaryDirectory } from "#test/temporary-directory.js";
import { openLab, pod, until } from "./lab-session.js";

const session = await openLab(t);
const ns = await session.namespace(t, "kubectl");
const cli = (what: string) => `[sig-cli] Kubectl client ${what} [Conformance]`;
const apps = (what: string) => `[sig-apps] ReplicationController should ${what} [Conformance]`;
const kubectl = (line: string, input?: string) => ns.kubectl(line.split(" "), input);

const nginx = { name: "nginx", image: "nginx:latest", imagePullPolicy: "IfNotPresent", ports: [{ containerPort: 80 }] };
const template = (app: string) => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 1, containers: [nginx] },
});
const controller = (name: string, replicas: number) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name },
    spec: { replicas, selector: { app: name }, template: template(name) },
  });
const set = (name: string, replicas: number) =>
  JSON.stringify({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
  });
const podsOf = (app: string) => ns.list<Pod>("pods", { labelSelector: `app=${app}` });
const controllerOf = ({ metadata }: Pod) => metadata.ownerReferences?.find((owner) => owner.controller);
const ready = (name: string, replicas: number, kind = "rc") =>
  kubectl(`wait ${kind}/${name} --for=jsonpath={.status.readyReplicas}=${replicas} --timeout=180s`);

t.test("a ReplicationController and a ReplicaSet: created, scaled, served, stopped", async (t) => {
  for (const what of ["create and stop", "scale"])
    proves(t, cli(`Update Demo should ${what} a replication controller`));
  proves(t, apps("get and update a ReplicationController scale"));
  proves(t, apps("serve a basic image on each replica with a public image"));
  proves(t, "[sig-apps] ReplicaSet should serve a basic image on each replica with a public image [Conformance]");
  await kubectl("create -f -", controller("demo", 2));
  await kubectl("create -f -", set("set", 2));
  await ready("demo", 2);
  await ready("set", 2, "rs");
  for (const { metadata } of [...(await podsOf("demo")), ...(await podsOf("set"))]) {
    const page = `/api/v1/namespaces/${ns.name}/pods/${metadata.name}:80/proxy/`;
    // A container runs before its server listens.
    await until(`${metadata.name} serves`, async () => {
      return (await ns.tryKubectl(["get", "--raw", page])).stdout.includes("Welcome to nginx!");
    });
  }
  await kubectl("scale rc demo --replicas=1 --timeout=5m");
  await until("one is left", async () => (await podsOf("demo")).length === 1);
  const path = `/api/v1/namespaces/${ns.name}/replicationcontrollers/demo/scale`;
  const scale = JSON.parse(await kubectl(`get --raw ${path}`)) as Scale;
  t.match(scale, { kind: "Scale", spec: { replicas: 1 }, status: { replicas: 1, selector: "app=demo" } });
  const wanted = { ...scale, metadata: { ...scale.metadata, resourceVersion: "" }, spec: { replicas: 2 } };
  await kubectl(`replace --raw ${path} -f -`, JSON.stringify(wanted));
  await ready("demo", 2);
  await kubectl("delete rs/set --wait=false");
  await kubectl("delete --grace-period=0 --force -f -", controller("demo", 2));
  t.equal(await kubectl("get rc -o name"), "");
  await until("no Pod is left", async () => (await podsOf("demo")).length === 0);
});

t.test("a ReplicationController adopts what matches, and lets go what matches no more", async (t) => {
  proves(t, apps("adopt matching pods on creation"));
  proves(t, apps("release no longer matching pods"));
  const stray = pod("stray", nginx) as { metadata: object };
  await ns.apply({ ...stray, metadata: { ...stray.metadata, labels: { app: "adopting" } } });
  await kubectl("create -f -", controller("adopting", 1));
  const { uid } = (await ns.get<ReplicationController>("replicationcontroller", "adopting")).metadata;
  const owner = async () => controllerOf(await ns.get<Pod>("pod", "stray"));
  await until("adopted", async () => (await owner())?.uid === uid);
  t.equal((await podsOf("adopting")).length, 1, "none was made besides");
  await kubectl("label --overwrite pod/stray app=elsewhere");
  await until("released", async () => !(await owner()));
  await until("replaced", async () => (await podsOf("adopting")).length === 1);
  await kubectl("delete rc/adopting pod/stray");
});

t.test("describe, expose, patch", async (t) => {
  proves(t, cli("Kubectl describe should check if kubectl describe prints relevant information for rc and pods"));
  proves(t, cli("Kubectl expose should create services for rc"));
  proves(t, cli("Kubectl patch should add annotations for pods in rc"));
  await kubectl("create -f -", controller("primary", 1));
  await ready("primary", 1);
  const [made] = await podsOf("primary");
  const name = made?.metadata.name ?? "";
  t.match(
    await kubectl("describe rc primary"),
    /Name: +primary\nNamespace: +kubectl\nSelector: +app=primary\n[\s\S]*Replicas: +1 current \/ 1 desired\nPods Status: +1 Running[\s\S]*Image: +nginx:latest[\s\S]*SuccessfulCreate +\S+ +replication-controller/,
  );
  t.match(
    await kubectl(`describe pod ${name}`),
    /Labels: +app=primary\n[\s\S]*Status: +Running\nIP: +10\.244[\s\S]*Controlled By: +ReplicationController\/primary\n[\s\S]*Image: +nginx:latest[\s\S]*State: +Running/,
  );
  await kubectl("expose rc primary --name=first --port=1234 --target-port=80");
  await kubectl("expose service first --name=second --port=2345 --target-port=80");
  for (const [service, port] of Object.entries({ first: 1234, second: 2345 })) {
    t.match((await ns.get<Service>("service", service)).spec, {
      selector: { app: "primary" },
      ports: [{ port, targetPort: 80 }],
    });
    const path = `/api/v1/namespaces/${ns.name}/services/${service}:${port}/proxy/`;
    await until(`${service} answers`, async () => {
      const { stdout } = await ns.tryKubectl(["get", "--raw", path]);
      return stdout.includes("Welcome to nginx!");
    });
  }
  await ns.kubectl(["patch", "pod", name, "-p", '{"metadata":{"annotations":{"x":"y"}}}']);
  t.equal((await ns.get<Pod>("pod", name)).metadata.annotations?.["x"], "y");
  await kubectl("delete rc/primary service/first service/second");
});

t.test("run, label, replace, dry-run, diff", async (t) => {
  proves(t, cli("Kubectl run pod should create a pod from an image when restart is Never"));
  proves(t, cli("Kubectl label should update the label on a resource"));
  proves(t, cli("Kubectl replace should update a single-container pod's image"));
  proves(t, cli("Kubectl server-side dry-run should check if kubectl can dry-run update Pods"));
  proves(t, cli("Kubectl diff should check if kubectl diff finds a difference for Deployments"));
  await kubectl("run once --restart=Never --image=nginx:latest --image-pull-policy=IfNotPresent --labels=run=once");
  const found = () => ns.get<Pod>("pod", "once");
  t.match((await found()).spec, { restartPolicy: "Never", containers: [{ image: "nginx:latest" }] });
  await kubectl("wait pod/once --for=condition=Ready --timeout=180s");
  await kubectl("label pods once testing-label=testing-label-value");
  t.match(await kubectl("get pod once -L testing-label"), /testing-label-value/);
  await kubectl("label pods once testing-label-");
  t.notMatch(await kubectl("get pod once -L testing-label"), /testing-label-value/);
  const other = { spec: { containers: [{ name: "once", image: "busybox:latest" }] } };
  await ns.kubectl(["patch", "pod", "once", "-p", JSON.stringify(other), "--dry-run=server"]);
  t.equal((await found()).spec.containers[0]?.image, "nginx:latest");
  const manifest = await kubectl("get pod once -o json");
  await kubectl("replace -f -", manifest.replace('"image": "nginx:latest"', '"image": "busybox:latest"'));
  t.equal((await found()).spec.containers[0]?.image, "busybox:latest");
  await kubectl("delete pod once --now");

  const deployment = (image: string) =>
    JSON.stringify({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "different" },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "different" } },
        template: { metadata: { labels: { app: "different" } }, spec: { containers: [{ ...nginx, image }] } },
      },
    });
  await kubectl("create -f -", deployment("nginx:latest"));
  const diff = await ns.tryKubectl(["diff", "-f", "-"], { input: deployment("busybox:latest") });
  t.match(diff, { code: 1, stdout: /-\s+- image: nginx:latest\n\+\s+- image: busybox:latest/ });
  t.match(await ns.tryKubectl(["diff", "-f", "-"], { input: deployment("nginx:latest") }), { code: 0, stdout: "" });
  await kubectl("delete deployment different");
});

t.test("logs, filtered", async (t) => {
  proves(t, "[sig-cli] Kubectl logs logs should be able to retrieve and filter logs [Conformance]");
  const command = ["sh", "-c", "i=0; while :; do echo line $((i+=1)); sleep 0.3; done"];
  await ns.apply(pod("talking", { command }));
  const logs = (...flags: string[]) => ns.kubectl(["logs", "talking", ...flags]);
  await until("several lines", async () => (await ns.tryKubectl(["logs", "talking"])).stdout.includes("line 8\n"));
  t.match(await logs(), /^line 1\nline 2\n/);
  t.match(await logs("--tail=1"), /^line \d+\n$/);
  t.equal((await logs("--limit-bytes=1")).length, 1);
  const [time = "", word] = (await logs("--tail=1", "--timestamps")).split(" ");
  t.equal(word, "line");
  t.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, time);
  const lines = async (since: string) => (await logs(`--since=${since}`)).split("\n").length;
  t.ok((await lines("1s")) < (await lines("24h")));
  await kubectl("delete pod talking --now");
});

t.test("what the server and its versions are", async (t) => {
  proves(t, cli("Kubectl api-versions should check if v1 is in available api versions"));
  proves(t, cli("Kubectl version should check is all data is printed"));
  proves(t, cli("Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info"));
  t.match(await kubectl("api-versions"), /^v1$/m);
  t.match(await kubectl("version"), /Client Version: [\s\S]*Server Version: v1\.35/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: kubectl colours its words
  const plain = (await kubectl("cluster-info")).replace(/\u001b\[[\d;]*m/g, "");
  t.match(plain, /Kubernetes control plane is running at https:\/\//);
});

t.test("kubectl proxy, on a port of its own choice and on a socket", async (t) => {
  proves(t, cli("Proxy server should support proxy with --port 0"));
  proves(t, cli("Proxy server should support --unix-socket=/path"));
  // A socket's path has a hundred characters at most.
  const socketPath = join(temporaryDirectory("berth-proxy-"), "proxy.sock");
  const serve = async (...flags: string[]) => {
    const env = { ...process.env, KUBECONFIG: session.lab.kubeconfig };
    const proxy = spawn("kubectl", ["proxy", ...flags], { env, stdio: ["ignore", "pipe", "inherit"] });
    t.teardown(() => proxy.kill());
    const [first] = await Promise.race([once(proxy.stdout, "data"), once(proxy, "exit")]);
    return String(first);
  };
  const ask = async (to: object) => {
    const asked = request({ ...to, path: "/api/" }).end();
    return JSON.parse(await text((await once(asked, "response"))[0]));
  };
  const port = Number(/Starting to serve on 127\.0\.0\.1:(\d+)/.exec(await serve("--port=0"))?.[1]);
  t.match(await ask({ host: "127.0.0.1", port }), { kind: "APIVersions", versions: ["v1"] });
  t.match(await serve(`--unix-socket=${socketPath}`), /Starting to serve on .*proxy\.sock/);
  t.match(await ask({ socketPath }), { kind: "APIVersions", versions: ["v1"] });
});
