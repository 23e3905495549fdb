import { once } from "node:events";
import { request } from "node:https";
import { connect } from "node:tls";
import t, { type Test } from "tap";
import WebSocket from "ws";
import type { Runtime } from "#agent/runtime/runtime.js";
import type { Pod, Status } from "#api/generated/types.js";
import type { KeyPair } from "#apiserver/pki/certificate.js";
import {
  clientTls,
  containerStatus,
  type KubeletFixture,
  podWith,
  scriptedExec,
  scriptedLogs,
  startKubeletFixture,
} from "#test/fixtures/kubelet-backend.js";

const running = { running: { startedAt: "2026-01-01T00:00:00Z" } };
const web = podWith([
  { ...containerStatus("nginx", running), containerID: "docker://nginx-id" },
  containerStatus("crashed", running, { terminated: { exitCode: 1, containerID: "docker://crashed-id-previous" } }),
  containerStatus("starting", { waiting: { reason: "ContainerCreating" } }),
  containerStatus("pulling", { waiting: { reason: "ImagePullBackOff" } }),
]);

type Answer = { status: number; type?: string; body: string };

function get(fixture: KubeletFixture, path: string, pair?: KeyPair, headers = {}): Promise<Answer> {
  const options = { port: fixture.server.port, path, headers, agent: false as const, ...clientTls(fixture.pki, pair) };
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", ...options }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      resolve({ status: response.statusCode!, type: response.headers["content-type"], body });
    });
    outgoing.on("error", reject).end();
  });
}

async function withKubelet(
  t: Test,
  runtime: Partial<Runtime>,
  use: (fixture: KubeletFixture) => Promise<void>,
  pods: readonly Pod[] = [web],
): Promise<void> {
  const fixture = await startKubeletFixture(runtime, pods);
  t.teardown(() => fixture.close());
  await use(fixture);
}

t.test("only the API server's certificate is let in", (t) =>
  withKubelet(t, {}, async (fixture) => {
    const { pki, nodeClient } = fixture;
    t.equal((await get(fixture, "/pods")).status, 401, "no certificate");
    const stranger = await startKubeletFixture({}, []);
    const forged = { ...fixture, pki: { ...pki, kubeletClient: stranger.pki.kubeletClient } };
    t.equal((await get(forged, "/pods", forged.pki.kubeletClient)).status, 401, "the same name from another CA");
    await stranger.close();
    const node = await get(fixture, "/pods", nodeClient);
    t.equal(node.status, 403, "another node");
    const expected = "Forbidden (user=system:node:other, verb=get, resource=nodes, subresource=pods)";
    t.equal((JSON.parse(node.body) as Status).message, expected);
    t.equal((await get(fixture, "/pods", pki.admin)).status, 403, "the administrator");
    t.equal(
      (await get(fixture, "/healthz", undefined, { authorization: "Bearer a.b.c" })).status,
      403,
      "a Pod's token",
    );
    const pods = await get(fixture, "/pods", pki.kubeletClient);
    t.equal(pods.status, 200);
    t.match(JSON.parse(pods.body), { kind: "PodList", apiVersion: "v1", items: [{ metadata: { name: "web" } }] });
    t.same(await get(fixture, "/metrics", pki.kubeletClient), {
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
      body: "kubelet_running_pods 1\n",
    });
    t.equal((await get(fixture, "/nothing", pki.kubeletClient)).status, 404);
  }),
);

/** Sends an upgrade request by hand and gives back everything the socket says. */
async function rawUpgrade(fixture: KubeletFixture, pair: KeyPair | undefined, headers: string[]): Promise<string> {
  const socket = connect({ port: fixture.server.port, host: "127.0.0.1", ...clientTls(fixture.pki, pair) });
  await once(socket, "secureConnect");
  const lines = [
    "GET /exec/default/web/nginx?command=ls&output=1 HTTP/1.1",
    "Host: kubelet",
    "Connection: Upgrade",
    "Upgrade: websocket",
    ...headers,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

t.test("an upgrade is judged like any other request, on the bare socket", (t) =>
  withKubelet(t, {}, async (fixture) => {
    const anonymous = await rawUpgrade(fixture, undefined, []);
    t.match(anonymous, /^HTTP\/1\.1 401 Unauthorized\r\n/);
    t.match(JSON.parse(anonymous.split("\r\n\r\n")[1]!), { kind: "Status", code: 401, reason: "Unauthorized" });
    t.match(await rawUpgrade(fixture, fixture.nodeClient, []), /^HTTP\/1\.1 403 Forbidden\r\n/);
    t.match(await rawUpgrade(fixture, undefined, ["Authorization: Bearer x"]), /^HTTP\/1\.1 403 Forbidden\r\n/);
    const noProtocol = await rawUpgrade(fixture, fixture.pki.kubeletClient, ["Sec-WebSocket-Protocol: chat"]);
    t.match(noProtocol, /^HTTP\/1\.1 400 Bad Request\r\n/);
  }),
);

interface ExecOutcome {
  stdout: Buffer;
  stderr: Buffer;
  status?: Status;
  code: number;
}

function openExec(fixture: KubeletFixture, query: string, protocols: string[]): WebSocket {
  const url = `wss://127.0.0.1:${fixture.server.port}/exec/default/web/nginx?${query}`;
  return new WebSocket(url, protocols, clientTls(fixture.pki, fixture.pki.kubeletClient));
}

/** Collects the channels until the server closes. */
function outcome(socket: WebSocket): Promise<ExecOutcome> {
  const channels: Buffer[][] = [[], [], [], []];
  socket.on("message", (raw: Buffer, binary) => {
    const id = binary ? raw[0]! : raw[0]! - 0x30;
    channels[id]!.push(binary ? raw.subarray(1) : Buffer.from(raw.toString("latin1", 1), "base64"));
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", (code) => {
      const [, stdout, stderr, error] = channels.map((parts) => Buffer.concat(parts));
      const status = error!.length > 0 ? (JSON.parse(error!.toString()) as Status) : undefined;
      resolve({ stdout: stdout!, stderr: stderr!, status, code });
    });
  });
}

t.test("exec: bytes arrive as they are, closing input ends the command, nothing is lost at the end", async (t) => {
  const { exec, record } = scriptedExec(async ({ stdin, stdout, stderr }) => {
    const seen: Buffer[] = [];
    for await (const chunk of stdin!) seen.push(chunk);
    stderr!.write("done\n");
    // Far more than the buffers on the way hold, written without waiting.
    for (let i = 0; i < 40; i++) stdout!.write(Buffer.alloc(64 * 1024, i));
    stdout!.write(Buffer.concat(seen));
    return 0;
  });
  await withKubelet(t, { exec }, async (fixture) => {
    const socket = openExec(fixture, "command=cat&input=1&output=1&error=1", [
      "v4.channel.k8s.io",
      "v5.channel.k8s.io",
    ]);
    const result = outcome(socket);
    await once(socket, "open");
    t.equal(socket.protocol, "v5.channel.k8s.io");
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    socket.send(Buffer.concat([Buffer.from([0]), bytes]));
    socket.send(Buffer.from([255, 0]));
    const closed = new Promise<void>((resolve) => {
      record.whenClosed = resolve;
    });
    const { stdout, stderr, status, code } = await result;
    t.equal(stdout.length, 40 * 64 * 1024 + 256);
    t.same(stdout.subarray(-256), bytes);
    t.equal(stderr.toString(), "done\n");
    t.same(status, { metadata: {}, status: "Success" });
    t.equal(code, 1000);
    if (!record.closed) await closed;
    t.pass("the session is closed with the connection");
  });
});

t.test("exec: the exit code travels as a Status; a failed start too", async (t) => {
  const exit = scriptedExec(async ({ stdout }) => {
    stdout!.write("no\n");
    return 3;
  });
  await withKubelet(t, { exec: exit.exec }, async (fixture) => {
    const { stdout, status } = await outcome(openExec(fixture, "command=false&output=1", ["v4.base64.channel.k8s.io"]));
    t.equal(stdout.toString(), "no\n");
    t.match(status, {
      status: "Failure",
      reason: "NonZeroExitCode",
      message: "command terminated with non-zero exit code: exit status 3",
      details: { causes: [{ reason: "ExitCode", message: "3" }] },
    });
  });
  const exec = () => Promise.reject(new Error("container is paused"));
  await withKubelet(t, { exec }, async (fixture) => {
    const { status } = await outcome(openExec(fixture, "command=ls&output=1", ["v4.channel.k8s.io"]));
    t.match(status, { status: "Failure", reason: "InternalError", message: /container is paused/ });
  });
});

t.test("exec: a terminal is resized, also before the command runs", async (t) => {
  const { exec, record } = scriptedExec(async ({ stdin, stderr }) => {
    t.equal(stderr, undefined, "a terminal has one output");
    await once(stdin!, "data");
    return 0;
  });
  await withKubelet(t, { exec }, async (fixture) => {
    const socket = openExec(fixture, "command=sh&input=1&output=1&error=1&tty=1", ["v5.channel.k8s.io"]);
    const result = outcome(socket);
    await once(socket, "open");
    socket.send(Buffer.from('\x04{"Width":120,"Height":40}'));
    socket.send(Buffer.from("\x04nonsense"));
    socket.send(Buffer.from('\x04{"Width":80,"Height":24}'));
    socket.send(Buffer.from("\x00x"));
    t.match((await result).status, { status: "Success" });
    t.same(record.sizes.at(-1), [80, 24]);
  });
});

t.test("exec: when the client goes, the session is closed", async (t) => {
  const { exec, record } = scriptedExec(async ({ stdin }) => {
    stdin!.resume();
    await once(stdin!, "end");
    return 137;
  });
  await withKubelet(t, { exec }, async (fixture) => {
    const socket = openExec(fixture, "command=cat&input=1&output=1", ["v5.channel.k8s.io"]);
    await once(socket, "message");
    const closed = new Promise<void>((resolve) => {
      record.whenClosed = resolve;
    });
    socket.terminate();
    await closed;
    t.ok(record.closed);
  });
});

t.test("exec: refused before the upgrade when there is nothing to run in", (t) =>
  withKubelet(t, {}, async (fixture) => {
    const refusal = async (path: string) => {
      const url = `wss://127.0.0.1:${fixture.server.port}${path}`;
      const socket = new WebSocket(url, ["v5.channel.k8s.io"], clientTls(fixture.pki, fixture.pki.kubeletClient));
      const [, response] = await once(socket, "unexpected-response");
      let body = "";
      for await (const chunk of response) body += chunk;
      return (JSON.parse(body) as Status).message!;
    };
    t.equal(await refusal("/exec/default/none/nginx?command=ls&output=1"), "pod does not exist");
    t.equal(await refusal("/exec/default/web/starting?command=ls&output=1"), 'container not found ("starting")');
    t.match(await refusal("/exec/default/web/nginx?output=1"), /at least 1 command/);
  }),
);

const lines = ["2026-01-01T00:00:00.000000001Z one\n2026-01-01T0", "0:00:01Z two words\n", "2026-01-01T00:00:02Z thr"];

t.test("logs: times are kept or taken off, bytes limited, options passed on", async (t) => {
  const { logs, record } = scriptedLogs([...lines, "ee\n"]);
  await withKubelet(t, { logs }, async (fixture) => {
    const log = (query: string) => get(fixture, `/containerLogs/default/web/nginx${query}`, fixture.pki.kubeletClient);
    t.equal((await log("")).body, "one\ntwo words\nthree\n");
    t.match((await log("?timestamps=true")).body, /^2026-01-01T00:00:00.000000001Z one\n2026-01-01T00:00:01Z two/);
    t.equal((await log("?limitBytes=6")).body, "one\ntw");
    await log("?tailLines=2&sinceTime=2026-01-01T00:00:01Z");
    t.same(record.options, { follow: false, tail: 2, since: Date.parse("2026-01-01T00:00:01Z") / 1000 });
    t.equal((await log("?tailLines=x")).status, 400);
    t.equal((await log("?sinceSeconds=0")).status, 422);
  });
});

t.test("logs: following ends with the container, and a client that goes closes the engine's stream", async (t) => {
  const { logs, record } = scriptedLogs(lines);
  await withKubelet(t, { logs }, async (fixture) => {
    const path = "/containerLogs/default/web/nginx?follow=true";
    const following = get(fixture, path, fixture.pki.kubeletClient);
    while (!record.options) await new Promise((resolve) => setTimeout(resolve, 5));
    record.end();
    t.equal((await following).body, "one\ntwo words\nthr");

    record.closed = false;
    const tls = clientTls(fixture.pki, fixture.pki.kubeletClient);
    const outgoing = request({ host: "127.0.0.1", port: fixture.server.port, path, agent: false, ...tls });
    outgoing.on("error", () => undefined).end();
    await once(outgoing, "response");
    outgoing.destroy();
    while (!record.closed) await new Promise((resolve) => setTimeout(resolve, 5));
    t.ok(record.closed);
  });
});

t.test("logs: why there is none, in the kubelet's words", (t) =>
  withKubelet(t, {}, async (fixture) => {
    const refusal = async (path: string) => {
      const { status, body } = await get(fixture, `/containerLogs/default/${path}`, fixture.pki.kubeletClient);
      return `${status} ${(JSON.parse(body) as Status).message}`;
    };
    t.equal(await refusal("none/nginx"), "404 pod does not exist");
    t.equal(await refusal("web/none"), "404 container none not found in pod web");
    const waiting = '400 container "starting" in pod "web" is waiting to start: ContainerCreating';
    t.equal(await refusal("web/starting"), waiting);
    t.match(await refusal("web/pulling"), /is waiting to start: trying and failing to pull image$/);
    const previous = '400 previous terminated container "nginx" in pod "web" not found';
    t.equal(await refusal("web/nginx?previous=true"), previous);
  }),
);
