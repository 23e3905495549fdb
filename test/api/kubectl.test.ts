/** The real kubectl, the oldest and the newest we promise, against a real server. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { configMaps, deployments, pods, secrets, services } from "#api/refs.js";
import type { ClientVersion } from "#scripts/lab/kubectl.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";

const VERSIONS: readonly ClientVersion[] = ["v32", "v35"];

/** Fails with what kubectl said. */
function runner(api: TestServer, version: ClientVersion) {
  return async (args: string, input?: string): Promise<string> => {
    const { code, stdout, stderr } = await api.kubectl(version, args.split(" "), input);
    if (code !== 0) throw new Error(`kubectl ${args}: ${stderr}`);
    return stdout;
  };
}

const deployment = (container: object, volumes: object[]) =>
  JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", labels: { app: "web" } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "nginx", image: "nginx:latest", ...container }], volumes },
      },
    },
  });

for (const version of VERSIONS) {
  t.test(`kubectl ${version}: the everyday commands`, async (t) => {
    const api = await TestServer.start(t);
    const kubectl = runner(api, version);
    t.match(await kubectl("version"), /Server Version: v1\.35\.0\+berth/);
    t.match(await kubectl("api-resources"), /deployments +deploy +apps\/v1 +true +Deployment/);
    t.match(await kubectl("get ns"), /kube-system +Active/);
    await kubectl("create deployment web --image=nginx:latest --replicas=0");
    t.equal((await api.rest().get(deployments, "web", "default")).spec.replicas, 0, "a zero on the wire is kept");
    t.match(
      await kubectl("get deploy,rs -o wide"),
      /deployment\.apps\/web +0\/0 +0 +0 +\S+ +nginx +nginx:latest +app=web/,
    );
    await kubectl("scale deploy web --replicas=2");
    await kubectl("label deploy web tier=front");
    await kubectl("annotate deploy web note=x");
    await kubectl("set image deploy/web nginx=nginx:2");
    await kubectl(`patch deploy web -p {"spec":{"template":{"metadata":{"labels":{"a":"b"}}}}}`);
    await kubectl(`patch deploy web --type=json -p [{"op":"add","path":"/spec/minReadySeconds","value":3}]`);
    await kubectl(`patch deploy web --type=merge -p {"metadata":{"annotations":{"note":null}}}`);
    const web = await api.rest().get(deployments, "web", "default");
    t.match(web, {
      metadata: { labels: { app: "web", tier: "front" } },
      spec: { replicas: 2, minReadySeconds: 3, template: { metadata: { labels: { app: "web", a: "b" } } } },
    });
    t.equal(web.metadata.annotations?.["note"], undefined);
    t.match(await kubectl("describe deploy web"), /Replicas: +2 desired/);
    t.match(await kubectl("explain pod.spec.containers.livenessProbe"), /FIELD: livenessProbe <Probe>/);
    t.match(await kubectl("explain deploy.spec.strategy --recursive"), /maxSurge\s+<IntOrString>/);
    await kubectl("expose deploy web --port=80 --target-port=8080");
    t.match((await api.rest().get(services, "web", "default")).spec, { ports: [{ port: 80, targetPort: 8080 }] });
    t.match(await kubectl("get svc web"), /web +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP/);
    await kubectl("rollout pause deploy/web");
    await kubectl("rollout resume deploy/web");
    await kubectl("delete deploy/web svc/web");
    t.match(await kubectl("get deploy,svc web --ignore-not-found"), /^$/);
  });

  t.test(`kubectl ${version}: makes the kinds it has commands for`, async (t) => {
    const api = await TestServer.start(t);
    const kubectl = runner(api, version);
    await kubectl("create ns a");
    await kubectl("create configmap c -n a --from-literal=k=v");
    t.same((await api.rest().get(configMaps, "c", "a")).data, { k: "v" });
    await kubectl("create secret generic s -n a --from-literal=k=v");
    t.match(await api.rest().get(secrets, "s", "a"), { type: "Opaque", data: { k: "dg==" } });
    await kubectl("create sa robot -n a");
    t.match(await kubectl("create token robot -n a"), /^ey/);
    await kubectl("create service nodeport np -n a --tcp=80:8080");
    t.match(await kubectl("get svc np -n a"), /NodePort .* 80:3\d{4}\/TCP/);
    await kubectl('run p -n a --image=nginx --overrides={"spec":{"serviceAccountName":"robot"}}');
    const pod = await api.rest().get(pods, "p", "a");
    t.match(pod, { spec: { serviceAccountName: "robot", containers: [{ name: "p", image: "nginx" }] } });
    t.match(await kubectl("auth whoami"), /berth-admin/);
    t.match(await kubectl("auth can-i delete nodes"), /^yes/);
    t.match((await api.kubectl(version, ["auth", "can-i", "delete", "nodes", "--as=jane"])).stdout, /^no/);
    await kubectl("delete ns a --wait=false");
    await eventually(
      async () => ((await kubectl("get ns a --ignore-not-found")) === "" ? true : undefined),
      "namespace a gone",
    );
  });

  t.test(`kubectl ${version}: apply loses no element`, async (t) => {
    const api = await TestServer.start(t);
    const kubectl = runner(api, version);
    const file = join(t.testdir(), "web.json");
    const apply = async (container: object, volumes: object[]) => {
      writeFileSync(file, deployment(container, volumes));
      const said = await kubectl(`apply -f ${file}`);
      const { spec } = (await api.rest().get(deployments, "web", "default")).spec.template;
      return { said, spec: spec!, container: spec!.containers[0]! };
    };
    const ports = [
      { name: "http", containerPort: 80, protocol: "TCP" },
      { name: "dns", containerPort: 53, protocol: "TCP" },
      { name: "dns-udp", containerPort: 53, protocol: "UDP" },
    ];
    const env = [
      { name: "A", value: "1" },
      { name: "B", value: "2" },
    ];
    const volumes = [
      { name: "tmp", emptyDir: {} },
      { name: "conf", configMap: { name: "c", defaultMode: 420 } },
    ];
    const volumeMounts = [
      { name: "tmp", mountPath: "/tmp" },
      { name: "conf", mountPath: "/etc/a" },
      { name: "conf", mountPath: "/etc/b", readOnly: true },
    ];
    const first = await apply({ ports, env, volumeMounts }, volumes);
    t.match(first.said, /created/);
    t.same([first.container.ports, first.container.env, first.container.volumeMounts], [ports, env, volumeMounts]);
    t.match((await apply({ ports, env, volumeMounts }, volumes)).said, /unchanged/);

    // Another writer adds to the same lists; what apply does not name stays.
    await kubectl(
      `patch deploy web -p ${JSON.stringify({ spec: { template: { spec: { containers: [{ name: "nginx", env: [{ name: "C", value: "3" }] }] } } } })}`,
    );
    const changed = await apply(
      {
        ports: [
          { ...ports[0], containerPort: 8080 },
          ports[1],
          ports[2],
          { name: "metrics", containerPort: 9090, protocol: "TCP" },
        ],
        env: [
          { name: "B", value: "two" },
          { name: "D", value: "4" },
        ],
        volumeMounts: [volumeMounts[0], volumeMounts[2], { name: "extra", mountPath: "/extra" }],
      },
      [volumes[1]!, { name: "extra", emptyDir: { medium: "Memory" } }, volumes[0]!],
    );
    const { container, spec } = changed;
    const sorted = <T>(list: T[] | undefined, key: (item: T) => string) => [...(list ?? [])].map(key).sort();
    t.same(
      sorted(container.ports, (p) => `${p.name}:${p.containerPort}/${p.protocol}`),
      ["dns-udp:53/UDP", "dns:53/TCP", "http:8080/TCP", "metrics:9090/TCP"],
    );
    t.same(
      sorted(container.env, (e) => `${e.name}=${e.value}`),
      ["B=two", "C=3", "D=4"],
    );
    t.same(
      sorted(container.volumeMounts, (m) => `${m.mountPath}=${m.name}`),
      ["/etc/b=conf", "/extra=extra", "/tmp=tmp"],
    );
    t.same(
      sorted(spec.volumes, (v) => v.name),
      ["conf", "extra", "tmp"],
    );
    // A controller that writes the status between kubectl's two reads is a difference too.
    await eventually(async () => {
      const { code, stdout } = await api.kubectl(version, ["diff", "-f", file]);
      return code === 0 && stdout === "" ? true : undefined;
    }, "no difference");
    await kubectl(`delete -f ${file}`);
  });

  t.test(`kubectl ${version}: refuses bad manifests and stores nothing`, async (t) => {
    const api = await TestServer.start(t);
    const manifests: [string, string, RegExp][] = [
      [
        "unknown field",
        "spec: {containers: [{name: c, image: i, prots: []}]}",
        /unknown field "spec\.containers\[0\]\.prots"/,
      ],
      ["wrong type", "spec: {containers: [{name: c, image: i, stdin: 5}]}", /stdin/],
      [
        "missing field",
        "spec: {containers: [{image: i}]}",
        /containers\[0\]\.name.*[Rr]equired|Required value|missing required field/,
      ],
      ["no containers", "spec: {restartPolicy: Always}", /containers.*[Rr]equired|missing required field "containers"/],
      ["broken YAML", "spec: [", /yaml|YAML/],
    ];
    for (const [what, spec, words] of manifests) {
      const manifest = `apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\n${spec}\n`;
      for (const verb of ["create", "apply"]) {
        const { code, stderr } = await api.kubectl(version, [verb, "-f", "-"], manifest);
        t.not(code, 0, `${verb}: ${what}`);
        t.match(stderr, words, `${verb}: ${what}`);
      }
    }
    t.same((await api.rest().list(pods)).items, []);
  });
}
