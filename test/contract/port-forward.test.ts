/** The real kubectl, through a real API server and kubelet endpoint, to servers on the localhost of a network of their own. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { KubeConfig, PortForward } from "@kubernetes/client-node";
import t, { type Test } from "tap";
import { dialLoopback } from "#agent/network/netns-socket.js";
import { pods } from "#api/refs.js";
import type { KeyPair } from "#apiserver/pki/certificate.js";
import { type ClientVersion, pinnedClient } from "#scripts/lab/kubectl.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";
import { exchange, type Forward, startForward } from "#test/fixtures/kubectl-forward.js";
import { startNode } from "#test/fixtures/kubelet-node.js";
import { received, SpdyClient } from "#test/fixtures/spdy-client.js";
import { digest, patterned } from "#test/fixtures/stream-bytes.js";
import { holdNetns } from "./own-netns.js";

const [ECHO, SOURCE, SINK, CUT, ECHO6, NOBODY] = [7001, 7002, 7003, 7004, 7006, 7999];
const PATH = "/api/v1/namespaces/default/pods/one/portforward";
const MEGABYTES = 3 * 1024 * 1024 + 17;
const bytes = patterned(MEGABYTES);

const network = await holdNetns();
t.teardown(() => network.end());
await network.run("ip", ["link", "set", "lo", "up"]);
const program = fileURLToPath(new URL("../fixtures/stream-target.js", import.meta.url));
const target = network.spawn("env", ["-u", "NODE_OPTIONS", process.execPath, program, String(MEGABYTES)]);
await once(target.stdout!, "data");

const api = await TestServer.start(t);
const { client } = await startNode(t, api, {}, network.path);
const running = { type: "application/merge-patch+json", body: { status: { phase: "Running" } } } as const;
await client.patch(pods, "one", running, { namespace: "default", subresource: "status" });

async function forward(t: Test, version: ClientVersion, webSockets: boolean, ports: number[]): Promise<Forward> {
  const env = {
    ...process.env,
    KUBECONFIG: api.server.kubeconfig,
    KUBECTL_PORT_FORWARD_WEBSOCKETS: String(webSockets),
    HOME: api.dataDir,
  };
  const args = ["pod/one", ...ports.map((port) => `:${port}`)];
  const begun = await startForward(await pinnedClient("kubectl", version), env, args);
  t.teardown(() => begun.end());
  return begun;
}

// The first of all leaves a handle of the own network open.
(await dialLoopback({ netns: network.path, family: 4, port: ECHO })).destroy();
const files = () => readdirSync("/proc/self/fd").length;

/** Waits for connections that end in their own time; fails with the numbers. */
async function settles(t: Test, before: number, what: string): Promise<void> {
  await eventually(() => (files() <= before ? true : undefined), what).catch(() => undefined);
  t.ok(files() <= before, `${what}: ${files()} open files, ${before} before`);
}

for (const version of ["v32", "v35"] as const) {
  for (const webSockets of [true, false]) {
    t.test(`kubectl ${version} over ${webSockets ? "WebSocket" : "SPDY"}`, async (t) => {
      const idle = files();
      const session = await forward(t, version, webSockets, [ECHO, SOURCE, SINK, CUT, ECHO6]);
      t.equal(digest(await exchange(session, ECHO, bytes)), digest(bytes), "there and back");
      t.equal(digest(await exchange(session, SOURCE, Buffer.alloc(0))), digest(bytes), "nothing is lost at the end");
      t.equal(
        (await exchange(session, SINK, bytes)).toString(),
        digest(bytes),
        "an answer after the end of the question",
      );
      t.equal((await exchange(session, ECHO6, Buffer.from("six"))).toString(), "six", "a server of IPv6 alone");
      t.equal((await exchange(session, CUT, Buffer.from("x"))).length, 0, "a server that cuts the connection");
      const before = files();
      const many = Array.from({ length: 20 }, (_, n) => exchange(session, ECHO, Buffer.from(`connection ${n}`)));
      t.same(
        (await Promise.all(many)).map(String),
        many.map((_, n) => `connection ${n}`),
        "side by side",
      );
      for (let i = 0; i < (version === "v35" && webSockets ? 300 : 40); i++)
        await exchange(session, ECHO, Buffer.from("again"));
      await settles(t, before, "after many connections");
      t.equal(await session.end(), "", "kubectl had nothing to complain about");
      await settles(t, idle, "after the session");
    });
  }
}

t.test("a port nobody listens on: kubectl says what the node says", async (t) => {
  const session = await forward(t, "v35", true, [NOBODY]);
  await exchange(session, NOBODY, Buffer.from("x")).catch(() => undefined);
  const said = await session.said;
  t.match(said, /error forwarding port 7999 to pod one, uid \S+: failed to connect to localhost:7999 inside namespace/);
  t.match(
    said,
    /IPv4: dial tcp4 127\.0\.0\.1:7999: connect: connection refused IPv6: dial tcp6 \[::1\]:7999: connect:/,
  );
});

t.test("one connection that fails is no end of the session", async (t) => {
  const client = await SpdyClient.open(api, PATH, ["portforward.k8s.io"]);
  t.teardown(() => client.close());
  t.equal(client.protocol, "portforward.k8s.io");
  const pair = (port: number, requestID?: string) => {
    const headers = { port: String(port), ...(requestID && { requestID }) };
    const error = client.stream({ ...headers, streamType: "error" });
    error.end();
    return { error, data: client.stream({ ...headers, streamType: "data" }) };
  };
  const refused = pair(NOBODY, "0");
  t.match(await received(refused.error), /error forwarding port 7999 .*connection refused/);
  const old = pair(ECHO);
  old.data.end("no request's number");
  t.equal(await received(old.data), "no request's number");
  t.equal(await received(old.error), "");
  for (const headers of [{ streamType: "data" }, { port: "0", streamType: "data" }, { port: "7001", streamType: "x" }])
    t.equal(await received(client.stream(headers as never)), "", "refused");
  const twice = client.stream({ port: "7001", requestID: "2", streamType: "error" });
  client.stream({ port: "7001", requestID: "2", streamType: "error" });
  t.match(await received(twice), /error stream already assigned/);
  const after = pair(ECHO, "3");
  after.data.end("still there");
  t.equal(await received(after.data), "still there");
});

t.test("a client library's channel protocol", async (t) => {
  const config = new KubeConfig();
  config.loadFromFile(api.server.kubeconfig);
  const dial = async (port: number, input: Buffer) => {
    const [output, errors, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const socket = await new PortForward(config).portForward("default", "one", [port], output, errors, stdin);
    t.teardown(() => (socket as { close(): void }).close());
    stdin.write(input);
    return { output, errors };
  };
  const { output } = await dial(ECHO, bytes.subarray(0, 300_000));
  let back = Buffer.alloc(0);
  for await (const chunk of output) {
    back = Buffer.concat([back, chunk]);
    if (back.length >= 300_000) break;
  }
  t.equal(digest(back), digest(bytes.subarray(0, 300_000)));
  const { errors } = await dial(NOBODY, Buffer.from("x"));
  const [words] = await once(errors, "data");
  t.match(String(words), /error forwarding port 7999 to pod one/);
});

t.test("only for those who may create pods/portforward", async (t) => {
  const upgrade = { Connection: "Upgrade", Upgrade: "SPDY/3.1", "X-Stream-Protocol-Version": "portforward.k8s.io" };
  const stranger = await api.certificate("jane");
  for (const method of ["GET", "POST"]) {
    const call = (as: KeyPair | null | undefined, path: string, headers: Record<string, string> = upgrade) =>
      api.call(method, path, { as, headers });
    t.equal((await call(null, PATH, { ...upgrade, Authorization: "Bearer x.y.z" })).status, 401);
    t.match((await call(null, PATH)).json, { code: 403, message: /User "system:anonymous" cannot create/ });
    const { status, json } = await call(stranger, PATH);
    t.equal(status, 403, method);
    t.match(json.message, /User "jane" cannot create resource "pods\/portforward" in API group "" in the namespace/);
    t.equal((await call(undefined, PATH.replace("one", "none"))).status, 404);
    t.match((await call(undefined, PATH.replace("one", "waiting"))).json.message, /does not have a host assigned/);
    t.match((await call(undefined, PATH, { ...upgrade, "X-Stream-Protocol-Version": "v9" })).json, {
      code: 403,
      message: /client supports \[v9\], server accepts \[portforward\.k8s\.io\]/,
    });
  }
  const { json } = await api.call("GET", "/api/v1");
  const found = json.resources.find(({ name }: { name: string }) => name === "pods/portforward");
  t.match(found, { kind: "PodPortForwardOptions", namespaced: true, verbs: ["create", "get"] });
});
