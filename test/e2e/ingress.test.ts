import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import type { Ingress, Pod, Secret } from "#api/generated/types.js";
import { makeDefaultCertificate } from "#controlplane/controllers/ingress/default-certificate.js";
import { enterArgs } from "#scripts/lab/namespaces.js";
import type { LabNode } from "#scripts/lab/state.js";
import { rule, toService } from "#test/fixtures/ingress-objects.js";
import { type NamespaceSession, nginx, openLab, until } from "./lab-session.js";

const session = await openLab(t);
const { lab } = session;
const [node1, node2] = lab.workers as [LabNode, LabNode];
const folder = mkdtempSync(join(tmpdir(), "berth-ingress-"));
t.teardown(() => rmSync(folder, { recursive: true }));

/** curl outside of the nodes, against the proxy of one. */
const curl = (args: readonly string[]) => session.on(lab.server, ["curl", "-s", "-m", "30", ...args]);
const at = (host: string, node: LabNode, port = 80) => ["--resolve", `${host}:${port}:${node.address}`];

async function status(host: string, path = "/", node = node1): Promise<number> {
  const args = ["-o", "/dev/null", "-w", "%{http_code}", ...at(host, node), `http://${host}${path}`];
  // A connection that is refused is no answer.
  return Number(await curl(args).catch(() => "0"));
}

const answers = (host: string, wanted: number, path = "/", node = node1) =>
  until(`${wanted} for ${host}${path}`, async () => (await status(host, path, node)) === wanted);

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}.js`, import.meta.url));

/** A program of the tests in a node's network; it ends with the test. */
function start(
  t: Test,
  node: LabNode,
  name: string,
  ...args: string[]
): { child: ChildProcess; said(text: string): Promise<unknown> } {
  const enter = [...enterArgs(lab, node), "env", "-u", "NODE_OPTIONS", process.execPath, fixture(name), ...args];
  const child = spawn("nsenter", enter, { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += String(chunk);
  });
  t.teardown(async () => {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  return { child, said: (text) => until(`${name}: ${text}`, async () => output.split("\n").includes(text)) };
}

const service = (name: string, spec: object) => ({ apiVersion: "v1", kind: "Service", metadata: { name }, spec });

function ingress(name: string, spec: object, metadata: object = {}): object {
  return { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name, ...metadata }, spec };
}

/** A web server of the tests on a node, behind a Service without a selector. */
async function backendOn(t: Test, ns: NamespaceSession, node: LabNode, port: number, name: string): Promise<void> {
  await start(t, node, "http-backend", node.address, String(port), name).said("listening");
  await ns.apply(service(name, { ports: [{ name: "http", port: 80, targetPort: port }] }), {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "http", port, protocol: "TCP" }],
    endpoints: [{ addresses: [node.address], conditions: { ready: true } }],
  });
}

const proxies = async () =>
  (
    JSON.parse(
      await session.kubectl([
        "-n",
        "kube-system",
        "get",
        "pods",
        "-l",
        "app.kubernetes.io/name=ingress-nginx",
        "-o",
        "json",
      ]),
    ) as {
      items: Pod[];
    }
  ).items;

t.test("Ingress", async (t) => {
  t.same(await proxies(), [], "nothing runs before there is an Ingress");
  const ns = await session.namespace(t, "ingress");
  await backendOn(t, ns, node1, 18_081, "one");
  await backendOn(t, ns, node2, 18_082, "two");
  const dead = { ports: [{ name: "http", port: 80, targetPort: 9 }] };
  const slice = { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" };
  await ns.apply(
    service("empty", { selector: { app: "nobody" }, ports: [{ port: 80 }] }),
    service("dead", dead),
    {
      ...slice,
      metadata: { name: "dead-1", labels: { "kubernetes.io/service-name": "dead" } },
      ports: [{ name: "http", port: 9, protocol: "TCP" }],
      endpoints: [{ addresses: [node2.address] }],
    },
    ingress("main", {
      rules: [
        rule(
          "main.test",
          ["Prefix", "/", "one"],
          ["Prefix", "/two", "two"],
          ["Prefix", "/empty", "empty"],
          ["Prefix", "/dead", "dead"],
        ),
        rule("*.wild.test", ["Prefix", "/", "two"]),
      ],
    }),
  );

  await t.test("hosts and paths, on every node", async (t) => {
    for (const node of lab.workers) await answers("main.test", 200, "/", node);
    const asked = async (host: string, path: string, node: LabNode) =>
      JSON.parse(await curl([...at(host, node), `http://${host}${path}`]));
    for (const node of lab.workers) {
      t.match(await asked("main.test", "/twofold", node), { backend: "one", url: "/twofold" });
      t.match(await asked("main.test", "/two/x?y", node), { backend: "two", url: "/two/x?y" });
      t.match(await asked("a.wild.test", "/", node), { backend: "two" });
    }
    const { headers } = await asked("main.test", "/", node1);
    t.match(headers, { host: "main.test", "x-forwarded-for": lab.server.address, "x-forwarded-proto": "http" });
    const { status: said } = await until("addresses in the status", async () => {
      const object = await ns.get<Ingress>("ingress", "main");
      return object.status?.loadBalancer?.ingress?.length === 2 && object;
    });
    t.same(said?.loadBalancer?.ingress, [{ ip: node1.address }, { ip: node2.address }]);
    t.match(await ns.kubectl(["get", "ingress"]), /main +nginx +main\.test,\*\.wild\.test +[\d.]+,[\d.]+ +80 /);
  });

  await t.test("404, 502 and 503", async (t) => {
    t.equal(await status("unknown.test"), 404);
    t.equal(await status("a.b.wild.test"), 404);
    await answers("main.test", 503, "/empty");
    await answers("main.test", 502, "/dead");
  });

  await t.test("TLS with SNI, and a bad certificate that harms nobody", async (t) => {
    const hosts = ["one.tls.test", "two.tls.test"];
    for (const host of hosts) {
      const { certificate, key } = await makeDefaultCertificate(Date.now(), host);
      for (const [file, text] of [
        ["crt", certificate],
        ["key", key],
      ] as const)
        writeFileSync(join(folder, `${host}.${file}`), text);
      const files = [`--cert=${join(folder, `${host}.crt`)}`, `--key=${join(folder, `${host}.key`)}`];
      await ns.kubectl(["create", "secret", "tls", host, ...files]);
    }
    const bad = { "tls.crt": "bm90aGluZw==", "tls.key": "bm90aGluZw==" };
    const tls = (host: string) => [{ hosts: [host], secretName: host }];
    await ns.apply(
      { apiVersion: "v1", kind: "Secret", metadata: { name: "bad.tls.test" }, type: "kubernetes.io/tls", data: bad },
      ...[...hosts, "bad.tls.test"].map((host) =>
        ingress(host, { tls: tls(host), rules: [rule(host, ["Prefix", "/", "one"])] }),
      ),
    );
    for (const host of hosts) {
      const args = [
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{ssl_verify_result}",
        "--cacert",
        join(folder, `${host}.crt`),
      ];
      const fetch = () => curl([...args, ...at(host, node2, 443), `https://${host}/`]).catch((error) => String(error));
      await until(`${host} shows its own certificate`, async () => (await fetch()) === "200 0");
      t.match(
        await curl(["-D", "-", "-o", "/dev/null", ...at(host, node2), `http://${host}/x`]),
        /^HTTP\/1.1 308 [\s\S]*location: https:\/\/[a-z.]+\/x\r/i,
      );
    }
    const insecure = ["-k", "-o", "/dev/null", "-w", "%{http_code}", ...at("bad.tls.test", node1, 443)];
    const shown = () => curl([...insecure, "https://bad.tls.test/"]).catch((error) => String(error));
    await until("served with the default certificate", async () => (await shown()) === "200");
    await until("an Event", async () =>
      (await ns.eventsOf("bad.tls.test")).find((text) =>
        /^BadCertificate: secret "bad.tls.test" tls.crt holds no/.test(text),
      ),
    );
  });

  await t.test("rolling backends, a new route and a WebSocket: nothing is dropped", async (t) => {
    // Ready when it listens, and there until every node and proxy has heard that it goes.
    const lifecycle = { preStop: { exec: { command: ["sleep", "6"] } } };
    const readinessProbe = { tcpSocket: { port: 80 }, periodSeconds: 1 };
    const { spec, ...deployment } = nginx("web", 2, { terminationGracePeriodSeconds: 15 }) as {
      spec: { template: { spec: { containers: object[] } } };
    };
    Object.assign(spec.template.spec.containers[0]!, { lifecycle, readinessProbe });
    await ns.apply({ ...deployment, spec }, service("web", { selector: { app: "web" }, ports: [{ port: 80 }] }));
    await ns.apply(
      ingress("roll", { rules: [rule("roll.test", ["Prefix", "/socket", "one"], ["Prefix", "/", "web"])] }),
    );
    await answers("roll.test", 200, "/", node2);
    const socket = start(t, lab.server, "websocket-client", `ws://${node1.address}/socket`, "roll.test");
    await answers("roll.test", 200, "/");
    await socket.said("open");
    socket.child.stdin?.write("before\n");
    await socket.said("one: before");
    const stop = join(folder, "stop");
    const loop =
      'until [ -e "$1" ]; do curl -s -m 30 -o /dev/null -w "%{http_code}\\n" -H "Host: roll.test" "$2" || echo failed; done';
    const loads = lab.workers.map((node) =>
      session.on(lab.server, ["sh", "-c", loop, "sh", stop, `http://${node.address}/`]),
    );
    await ns.kubectl(["set", "env", "deployment/web", "ROUND=2"]);
    await ns.kubectl(["rollout", "status", "deployment/web", "--timeout=180s"]);
    await ns.apply(ingress("more", { rules: [rule("more.test", ["Prefix", "/", "two"])] }));
    await answers("more.test", 200);
    writeFileSync(stop, "");
    const codes = (await Promise.all(loads)).join("").trim().split("\n");
    t.same(
      codes.filter((code) => code !== "200"),
      [],
      `all of ${codes.length} requests were answered`,
    );
    socket.child.stdin?.write("after\n");
    await socket.said("one: after");
  });

  await t.test("a service that loses its endpoints, and gets them back", async () => {
    await ns.kubectl(["scale", "deployment/web", "--replicas=0"]);
    await answers("roll.test", 503);
    await ns.kubectl(["scale", "deployment/web", "--replicas=1"]);
    await answers("roll.test", 200);
  });

  await t.test("a proxy that is gone comes back, and the status follows", async (t) => {
    await session.kubectl(["-n", "kube-system", "delete", "pod", "ingress-nginx-node-1"]);
    await answers("main.test", 200);
    t.equal((await proxies()).length, 2);
    const { spec } = (await ns.get<Ingress>("ingress", "main")) as Ingress;
    t.same(spec?.rules?.[0]?.http?.paths[0]?.backend, toService("one"));
  });

  await t.test("the last Ingress takes everything with it", async () => {
    await ns.kubectl(["delete", "ingress", "--all"]);
    await until("no proxies", async () => (await proxies()).length === 0);
    const left = async () => {
      const list = JSON.parse(await session.kubectl(["-n", "kube-system", "get", "secrets", "-o", "json"]));
      return (list.items as Secret[]).filter(({ metadata }) => metadata.name.startsWith("ingress"));
    };
    await until("no Secret", async () => (await left()).length === 0);
    await until("nobody listens any more", async () => (await status("main.test")) === 0);
  });
});
