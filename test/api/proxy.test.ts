/** A proxied request from a client to a web server behind a kubelet's tunnel, with real sockets all the way. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import pino from "pino";
import t from "tap";
import WebSocket from "ws";
import { errorReply, writeReply } from "#apiserver/http/write-reply.js";
import { KubeletConnections } from "#apiserver/kubelet/kubelet-connection.js";
import { forward } from "#apiserver/proxy/forward.js";
import type { ProxyTarget } from "#apiserver/proxy/target.js";
import { forwardUpgrade } from "#apiserver/proxy/upgrade.js";
import { PAGE, startBackend } from "#test/fixtures/http-backend.js";
import { startKubeletFixture } from "#test/fixtures/kubelet-backend.js";
import { until } from "#test/until.js";

const prefix = "/api/v1/namespaces/n/pods/web/proxy";
const logger = pino({ level: "silent" });
const portOf = (server: Server) => (server.address() as AddressInfo).port;

const backend = await startBackend("127.0.0.1", 0, "web");
const kubelet = await startKubeletFixture({}, []);
const kubelets = new KubeletConnections(kubelet.pki.kubeletClient, kubelet.pki.authority.certificate);
const address = { nodeName: "n1", host: "127.0.0.1", port: kubelet.server.port };
const through = (to: string): ProxyTarget => ({ host: to, dial: () => kubelets.tunnel(address, to) });
const target = through(`127.0.0.1:${portOf(backend)}`);
const open = new Set<Socket>();
backend.on("connection", (socket) => {
  open.add(socket);
  socket.once("close", () => open.delete(socket));
});

const front = createServer((incoming, response) => {
  forward(target, { prefix, rest: incoming.url!.slice(prefix.length) }, incoming, response).catch((error) => {
    writeReply(response, errorReply(error, logger, ""));
  });
});
front.on("upgrade", (incoming, socket, head) => {
  socket.on("error", () => undefined);
  forwardUpgrade(target, { prefix, rest: incoming.url!.slice(prefix.length) }, incoming, socket, head).catch(() =>
    socket.destroy(),
  );
});
await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
t.teardown(async () => {
  for (const server of [front, backend]) {
    server.closeAllConnections();
    server.close();
  }
  kubelets.close();
  await kubelet.close();
});

function ask(method: string, path: string, headers: Record<string, string> = {}, body: (string | Buffer)[] = []) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({ port: portOf(front), host: "127.0.0.1", method, path: prefix + path, headers });
    outgoing.on("response", resolve).on("error", reject);
    for (const piece of body) outgoing.write(piece);
    outgoing.end();
  });
}

async function text(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

t.test("methods, paths, queries and bodies arrive as they were sent", async (t) => {
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    const answer = await ask(method, "/a%2Fb/?x=1&y=%20");
    t.equal(answer.statusCode, 200);
    t.match(JSON.parse(await text(answer)), { method, url: "/a%2Fb/?x=1&y=%20", bytes: 0 }, method);
  }
  const head = await ask("HEAD", "/");
  t.equal(`${head.statusCode} ${await text(head)}`, "200 ");
  const big = Buffer.alloc(5_000_000, "x");
  for (const method of ["POST", "DELETE"]) {
    t.match(
      JSON.parse(await text(await ask(method, "/", { "Transfer-Encoding": "chunked" }, [big]))),
      { bytes: big.length },
      `${method} in chunks`,
    );
    const sized = await ask(method, "/", { "Content-Length": String(big.length) }, [big]);
    t.match(JSON.parse(await text(sized)), { bytes: big.length, headers: { "content-length": String(big.length) } });
  }
  t.equal((await ask("GET", "/status/418")).statusCode, 418);
});

t.test("what the server behind it learns of the client", async (t) => {
  const sent = {
    Authorization: "Bearer x",
    Host: "api.example:6443",
    Connection: "X-Hop",
    "X-Hop": "1",
    "X-Kept": "1",
  };
  const { headers } = JSON.parse(await text(await ask("GET", "/p?q", sent)));
  t.match(headers, {
    host: "api.example:6443",
    "x-kept": "1",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-host": "api.example:6443",
    "x-forwarded-proto": "https",
    "x-forwarded-uri": `${prefix}/p`,
  });
  t.notOk("authorization" in headers || "x-hop" in headers);
});

t.test("redirects and links lead through the proxy", async (t) => {
  const root = await ask("GET", "?method=GET");
  t.equal(`${root.statusCode} ${root.headers.location}`, `301 ${prefix}/?method=GET`);
  t.equal((await ask("HEAD", "")).statusCode, 301);
  t.match(JSON.parse(await text(await ask("POST", "?a"))), { method: "POST", url: "/?a" });
  const redirect = await ask("GET", "/redirect/there?x");
  t.equal(`${redirect.statusCode} ${redirect.headers.location}`, `302 ${prefix}/there?x`);
  const expected = PAGE.replace("/rewriteme", `${prefix}/rewriteme`);
  for (const encoding of ["identity", "gzip"]) {
    const answer = await ask("GET", "/page", { "Accept-Encoding": encoding });
    t.equal(await text(answer), expected, encoding);
    t.equal(answer.headers["x-end"], "yes");
    for (const name of ["x-hop", "access-control-allow-origin", "content-encoding"])
      t.notOk(answer.headers[name], name);
  }
});

t.test("an answer comes as it is made, and its end is everybody's", async (t) => {
  const answer = await ask("GET", "/stream");
  answer.on("error", () => undefined);
  const [first] = await once(answer, "data");
  t.equal(String(first), "1\n");
  answer.destroy();
  await until(() => open.size === 0);
  const hanging = request({ port: portOf(front), host: "127.0.0.1", path: `${prefix}/hang` });
  hanging.on("error", () => undefined).end();
  await until(() => open.size === 1);
  hanging.destroy();
  await until(() => open.size === 0);
});

t.test("who is not there", async (t) => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const port = portOf(closed);
  closed.close();
  const dial = (to: string) => kubelets.tunnel(address, to);
  await t.rejects(dial(`127.0.0.1:${port}`), {
    code: 502,
    message: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
  await t.rejects(dial("127.0.0.2:80"), {
    code: 403,
    message: "127.0.0.2 is no address of this node or of a Pod on it",
  });
  for (const wrong of ["localhost:80", "127.0.0.1:0", "127.0.0.1:65536"])
    await t.rejects(dial(wrong), { code: 400 }, wrong);
  const stranger = new KubeletConnections(kubelet.nodeClient, kubelet.pki.authority.certificate);
  t.teardown(() => stranger.close());
  await t.rejects(stranger.tunnel(address, target.host), { code: 403 }, "another node's certificate");
});

t.test("a change of protocols, agreed to", async (t) => {
  const socket = new WebSocket(`ws://127.0.0.1:${portOf(front)}${prefix}/ws`, {
    headers: { Authorization: "Bearer x" },
  });
  await once(socket, "open");
  socket.send("hello");
  t.equal(String((await once(socket, "message"))[0]), "web: hello");
  socket.close();
  await once(socket, "close");
  await until(() => open.size === 0);
});

const upgradeRequest = (path: string) =>
  `GET ${prefix}${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n`;

t.test("another protocol, with bytes right behind the request; and one that is refused", async (t) => {
  const agreed = connect(portOf(front), "127.0.0.1");
  agreed.write(`${upgradeRequest("/raw")}early`);
  let heard = "";
  agreed.on("data", (data) => {
    heard += data;
  });
  await until(() => heard.endsWith("\r\n\r\nearly"));
  t.match(heard, /^HTTP\/1\.1 101 .*\r\n/);
  agreed.end();
  await once(agreed, "close");

  const refused = connect({ port: portOf(front), host: "127.0.0.1", allowHalfOpen: true });
  // What would be the next request, with credentials for the API server.
  refused.write(upgradeRequest("/refuse"));
  let answer = "";
  refused.on("data", (data) => {
    answer += data;
    refused.write(upgradeRequest("/secret"));
  });
  await once(refused, "end");
  refused.destroy();
  t.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n/);
  t.match(answer, /connection: close/i);
  t.notMatch(answer, /leaked/);
  await until(() => open.size === 0);
});
