/** Web pages of Pods, Services and nodes through the API server, from kubectl and from plain requests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import t from "tap";
import WebSocket from "ws";
import { issueAuthority, newPrivateKey } from "#apiserver/pki/issue.js";
import type { LabNode } from "#scripts/lab/state.js";
import { proves } from "#test/proves.js";
import { apiRequest, openRequest } from "./api-request.js";
import { kubectlAt, kubectlVersions, openLab, pod, until } from "./lab-session.js";

const session = await openLab(t);
const { lab } = session;
const [first, second] = lab.workers as [LabNode, LabNode];
const ns = await session.namespace(t, "api-proxy");
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}.js`, import.meta.url));

interface Web {
  program: string[];
  env?: Record<string, string>;
  container?: object;
  spec?: object;
}

/** A Pod labelled app=<name> that runs one of the fixtures on the host's Node.js. */
function web(name: string, node: LabNode, { program, env = {}, container = {}, spec = {} }: Web): object {
  const command = ["chroot", "/host", process.execPath, ...program];
  const made = pod(
    name,
    {
      command,
      env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
      volumeMounts: [{ name: "host", mountPath: "/host", readOnly: true }],
      ...container,
    },
    { nodeName: node.name, volumes: [{ name: "host", hostPath: { path: "/" } }], ...spec },
  );
  return { ...made, metadata: { name, labels: { app: name } } };
}

const service = (name: string, app: string, ports: object[]) => ({
  ...{ apiVersion: "v1", kind: "Service", metadata: { name } },
  spec: { selector: { app }, ports },
});
const proxyOf = (kind: string, name: string) => `/api/v1/namespaces/${ns.name}/${kind}/${name}/proxy`;
const get = (path: string) => apiRequest(lab, "GET", path);
const probe = (port: number) => ({ readinessProbe: { tcpSocket: { port }, periodSeconds: 1 } });

const key = await newPrivateKey();
const certificate = await issueAuthority("porter", key, Date.now());
const link = (path: string) => `<a href="${path}">test</a>`;
await ns.apply(
  web("porter", first, {
    program: [fixture("porter")],
    env: {
      ...{ SERVE_PORT_80: link("/rewriteme"), SERVE_PORT_1080: link("/rewriteme") },
      ...{ SERVE_PORT_160: "foo", SERVE_PORT_162: "bar", SERVE_TLS_PORT_443: link("/tlsrewriteme") },
      ...{ SERVE_TLS_PORT_460: "tls baz", SERVE_TLS_PORT_462: "tls qux" },
      ...{ TLS_CERTIFICATE: certificate, TLS_KEY: key },
    },
    container: {
      ...probe(80),
      ports: [
        { name: "web", containerPort: 80 },
        { name: "dest1", containerPort: 160 },
        { name: "tlsdest1", containerPort: 460 },
      ],
    },
  }),
  service("porter", "porter", [
    { name: "portname1", port: 80, targetPort: "dest1" },
    { name: "portname2", port: 81, targetPort: 162 },
    { name: "tlsportname1", port: 443, targetPort: "tlsdest1" },
    { name: "tlsportname2", port: 444, targetPort: 462 },
  ]),
  web("agnhost", second, {
    program: [fixture("porter"), "--json-response"],
    env: { SERVE_PORT_80: "foo" },
    container: probe(80),
  }),
  service("test-service", "agnhost", [{ port: 80, targetPort: 80 }]),
  web("backend", second, { program: [fixture("http-backend"), "0.0.0.0", "8080", "backend"], container: probe(8080) }),
  service("backend", "backend", [{ port: 80, targetPort: 8080 }]),
  service("empty", "nobody", [{ port: 80 }]),
);
await ns.kubectl(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s"]);
for (const [name, path] of [
  ["porter", "porter:portname1"],
  ["test-service", "test-service"],
  ["backend", "backend"],
])
  await until(`endpoints of ${name}`, async () => (await get(`${proxyOf("services", path!)}/`)).status === 200);

t.test("through a Service and a Pod: ports by name and number, TLS, links", async (t) => {
  proves(t, "[sig-network] Proxy version v1 should proxy through a service and a pod [Conformance]");
  const rewritten = (name: string, path: string): [string, string] => [
    `${proxyOf("pods", name)}/`,
    link(`${proxyOf("pods", name)}${path}`),
  ];
  const plain = (kind: string, name: string, text: string): [string, string] => [`${proxyOf(kind, name)}/`, text];
  const expectations = [
    ...["porter:portname1", "http:porter:portname1", "porter:80"].map((name) => plain("services", name, "foo")),
    ...["porter:portname2", "http:porter:portname2", "porter:81"].map((name) => plain("services", name, "bar")),
    ...["https:porter:tlsportname1", "https:porter:443"].map((name) => plain("services", name, "tls baz")),
    ...["https:porter:tlsportname2", "https:porter:444"].map((name) => plain("services", name, "tls qux")),
    ...["porter", "porter:1080", "http:porter:1080"].map((name) => rewritten(name, "/rewriteme")),
    ...["porter:160", "http:porter:160"].map((name) => plain("pods", name, "foo")),
    ...["porter:162", "http:porter:162"].map((name) => plain("pods", name, "bar")),
    rewritten("https:porter:443", "/tlsrewriteme"),
    plain("pods", "https:porter:460", "tls baz"),
    plain("pods", "https:porter:462", "tls qux"),
  ];
  for (let attempt = 0; attempt < 20; attempt++) {
    const answers = await Promise.all(expectations.map(([path]) => get(path)));
    const wrong = answers.flatMap(({ status, text }, i) =>
      status === 200 && text === expectations[i]![1] ? [] : [`${expectations[i]![0]}: ${status} ${text}`],
    );
    t.same(wrong, [], `attempt ${attempt}`);
  }
});

const KINDS = [
  ["pods", "agnhost"],
  ["services", "test-service"],
] as const;

async function answersTo(method: string, path: string): Promise<unknown> {
  const { status, text } = await apiRequest(lab, method, path);
  return [status, method === "HEAD" ? text : JSON.parse(text)];
}

t.test("every method, without a path and with one", async (t) => {
  proves(
    t,
    "[sig-network] Proxy version v1 A set of valid responses are returned for both pod and service Proxy [Conformance]",
    "[sig-network] Proxy version v1 A set of valid responses are returned for both pod and service ProxyWithPath [Conformance]",
  );
  for (const [kind, name] of KINDS) {
    const base = proxyOf(kind, name);
    for (const method of ["DELETE", "OPTIONS", "PATCH", "POST", "PUT"]) {
      const wanted = [200, { Method: method, Body: "foo" }];
      t.same(await answersTo(method, `${base}?method=${method}`), wanted, `${method} ${kind}`);
      t.same(await answersTo(method, `${base}/some/path/with/${method}`), wanted, `${method} ${kind} with a path`);
    }
    t.same(await answersTo("GET", `${base}/some/path/with/GET`), [200, { Method: "GET", Body: "foo" }]);
    t.same(await answersTo("HEAD", `${base}/some/path/with/HEAD`), [200, ""]);
    for (const method of ["GET", "HEAD"]) {
      const { status, headers } = await apiRequest(lab, method, `${base}?method=${method}`);
      t.equal(`${status} ${headers.location}`, `301 ${base}/?method=${method}`);
    }
  }
});

t.test("nobody to ask, and nobody who may ask", async (t) => {
  const refusal = async (path: string, call = {}) => {
    const { status, text } = await apiRequest(lab, "GET", path, call);
    return `${status} ${JSON.parse(text).message}`;
  };
  t.equal(await refusal(`${proxyOf("services", "empty")}/`), '503 no endpoints available for service "empty"');
  t.equal(await refusal(`${proxyOf("services", "backend:99")}/`), '503 no service port 99 found for service "backend"');
  t.match(
    await refusal(`${proxyOf("pods", "backend:9999")}/`),
    /^503 error trying to reach service: dial tcp 10\.244\.\d+\.\d+:9999: connect: connection refused$/,
  );
  t.equal(await refusal(`${proxyOf("pods", "none")}/`), '404 pods "none" not found');
  t.match(await refusal(`${proxyOf("pods", "backend:8080")}/`, { anonymous: true }), /^40[13] /);
  const headers = { "Impersonate-User": "eve" };
  t.match(
    await refusal(`${proxyOf("pods", "backend:8080")}/`, { headers }),
    /^403 .*"eve" cannot get resource "pods\/proxy"/,
  );
});

t.test("a Pod that no other Pod may reach", async (t) => {
  await ns.apply({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "closed" },
    spec: { podSelector: {}, policyTypes: ["Ingress"] },
  });
  for (const name of ["porter:160", "agnhost:80"]) t.equal((await get(`${proxyOf("pods", name)}/`)).status, 200, name);
  await ns.kubectl(["delete", "networkpolicy", "closed"]);
});

t.test("a body of any size, an answer without an end, a node's kubelet", async (t) => {
  const big = Buffer.alloc(20_000_000, "x");
  const upload = await apiRequest(lab, "POST", `${proxyOf("services", "backend")}/upload?a=%2F`, { body: big });
  t.match(JSON.parse(upload.text), { url: "/upload?a=%2F", bytes: big.length }, "more than an object may have");
  const endless = await openRequest(lab, "GET", `${proxyOf("services", "backend")}/stream`);
  t.equal(String((await once(endless, "data"))[0]), "1\n");
  endless.destroy();
  const asked = await get(`${proxyOf("pods", "backend:8080")}/who`);
  t.notOk("authorization" in JSON.parse(asked.text).headers);
  for (const name of [first.name, `${first.name}:10250`]) {
    t.equal((await get(`/api/v1/nodes/${name}/proxy/healthz`)).text, "ok");
    const { items } = JSON.parse((await get(`/api/v1/nodes/${name}/proxy/pods`)).text);
    t.ok(items.some((item: { metadata: { name: string } }) => item.metadata.name === "porter"));
  }
});

t.test("kubectl: get --raw, cluster-info, and a browser's way through kubectl proxy", async (t) => {
  for (const { version, path } of await kubectlVersions()) {
    const raw = await kubectlAt(path, lab, ["get", "--raw", `${proxyOf("services", "porter:portname2")}/`]);
    t.equal(raw.stdout, "bar", version);
    t.match((await kubectlAt(path, lab, ["cluster-info"])).stdout, /control plane.* is running at/);
    const proxy = spawn(path, ["proxy", "--port=0"], { env: { ...process.env, KUBECONFIG: lab.kubeconfig } });
    try {
      await throughKubectlProxy(t, proxy);
    } finally {
      proxy.kill("SIGKILL");
      await once(proxy, "exit");
    }
  }
});

async function throughKubectlProxy(
  t: { equal: (a: unknown, b: unknown) => unknown },
  proxy: ChildProcess,
): Promise<void> {
  const [line] = await once(proxy.stdout!, "data");
  const [address] = String(line).match(/127\.0\.0\.1:\d+/) ?? [""];
  const page = await fetch(`http://${address}${proxyOf("services", "backend")}/page`);
  t.equal(await page.text(), link(`${proxyOf("services", "backend")}/rewriteme`));
  const socket = new WebSocket(`ws://${address}${proxyOf("pods", "backend:8080")}/ws`);
  await once(socket, "open");
  socket.send("hello");
  t.equal(String((await once(socket, "message"))[0]), "backend: hello");
  socket.close();
  await once(socket, "close");
}
