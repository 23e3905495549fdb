/** The kubelet endpoint on a real engine: what arrives at the client is what the container wrote. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { get } from "node:https";
import { pino } from "pino";
import t from "tap";
import WebSocket from "ws";
import { removePodCgroup } from "#agent/pods/pod-cgroup.js";
import { openDockerRuntime } from "#agent/runtime/docker/docker-runtime.js";
import type { ContainerConfig, Runtime } from "#agent/runtime/runtime.js";
import type { Status } from "#api/generated/types.js";
import {
  clientTls,
  containerStatus,
  type KubeletFixture,
  podWith,
  startKubeletFixture,
} from "#test/fixtures/kubelet-backend.js";

const socketPath = process.env["BERTH_TEST_DOCKER"]?.replace(/^unix:\/\//, "");
const skip = socketPath ? false : "BERTH_TEST_DOCKER names no engine socket";
const nodeName = `kubelet-test-${process.pid}`;
const pod = { namespace: "default", name: "web", uid: `uid-${process.pid}` };
const common = { pod, attempt: 0, labels: {}, annotations: {}, cgroupParent: `/${nodeName}/kubepods/pod${pod.uid}` };

function containerConfig(sandboxId: string, name: string, script: string): ContainerConfig {
  return {
    ...common,
    sandboxId,
    name,
    image: "busybox:latest",
    imageRef: "busybox",
    entrypoint: ["sh", "-c", script],
    env: [],
    mounts: [],
    resources: {},
    groupAdd: [],
    pidNamespace: "container",
    ipcNamespace: "pod",
    tty: false,
    stdin: false,
    stdinOnce: false,
    privileged: false,
    readOnlyRootFilesystem: false,
    capabilities: { add: [], drop: [] },
    securityOptions: [],
    unmaskedProc: false,
  };
}

/** 40,000 characters: the engine cuts that into three records. */
const LONG_LINE = "i=0; while [ $i -lt 4000 ]; do printf 0123456789; i=$((i+1)); done; echo";
const SCRIPT = `echo first; sleep 1; echo second >&2; sleep 1; ${LONG_LINE}; echo last; trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done`;

async function startContainer(runtime: Runtime): Promise<string> {
  const sandbox = await runtime.runSandbox({
    ...common,
    hostname: "web",
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    shareProcessNamespace: false,
    sysctls: {},
  });
  const id = await runtime.createContainer(containerConfig(sandbox.id, "main", SCRIPT));
  await runtime.startContainer(id);
  return id;
}

async function removeAll(runtime: Runtime): Promise<void> {
  for (const { id } of await runtime.listContainers()) await runtime.removeContainer(id);
  for (const { id } of await runtime.listSandboxes()) await runtime.removeSandbox(id);
  await removePodCgroup(`/${nodeName}`);
}

function open(fixture: KubeletFixture, flags: string, command: readonly string[]): WebSocket {
  const query = `${flags}&${command.map((word) => `command=${encodeURIComponent(word)}`).join("&")}`;
  const url = `wss://127.0.0.1:${fixture.server.port}/exec/default/web/main?${query}`;
  return new WebSocket(url, ["v5.channel.k8s.io"], clientTls(fixture.pki, fixture.pki.kubeletClient));
}

async function collect(socket: WebSocket) {
  const channels: Buffer[][] = [[], [], [], []];
  socket.on("message", (raw: Buffer) => channels[raw[0]!]!.push(raw.subarray(1)));
  await once(socket, "close");
  const [, stdout, stderr, error] = channels.map((parts) => Buffer.concat(parts));
  return { stdout: stdout!, stderr: stderr!.toString(), status: JSON.parse(String(error)) as Status };
}

/** The whole log; `onFirst` is called once, when the first of it has arrived. */
function log(fixture: KubeletFixture, query: string, onFirst?: () => void): Promise<string> {
  const path = `/containerLogs/default/web/main?${query}`;
  const tls = clientTls(fixture.pki, fixture.pki.kubeletClient);
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port: fixture.server.port, path, agent: false, ...tls }, async (response) => {
      let text = "";
      for await (const chunk of response) {
        if (!text) onFirst?.();
        text += chunk;
      }
      resolve(text);
    }).on("error", reject);
  });
}

t.test("kubelet streams on a real engine", { skip, timeout: 300_000 }, async (t) => {
  const runtime = await openDockerRuntime({
    socketPath: String(socketPath),
    nodeName,
    logger: pino({ level: "silent" }),
  });
  t.teardown(() => removeAll(runtime));
  const id = await startContainer(runtime);
  const running = { ...containerStatus("main", { running: {} }), containerID: `docker://${id}` };
  const fixture = await startKubeletFixture(runtime, [podWith([running])], () => id);
  t.teardown(() => fixture.close());

  await t.test("five megabytes in and out, byte for byte", async (t) => {
    const socket = open(fixture, "input=1&output=1&error=1", ["cat"]);
    const result = collect(socket);
    await once(socket, "open");
    const bytes = randomBytes(5 * 1024 * 1024);
    for (let at = 0; at < bytes.length; at += 32_768) {
      socket.send(Buffer.concat([Buffer.from([0]), bytes.subarray(at, at + 32_768)]));
    }
    socket.send(Buffer.from([255, 0]));
    const { stdout, status } = await result;
    t.equal(stdout.length, bytes.length);
    const sum = (data: Buffer) => createHash("sha256").update(data).digest("hex");
    t.equal(sum(stdout), sum(bytes));
    t.equal(status.status, "Success");
  });

  await t.test("both outputs and the exit code; a command that is not there", async (t) => {
    const { stdout, stderr, status } = await collect(
      open(fixture, "output=1&error=1", ["sh", "-c", "echo out; echo err >&2; exit 7"]),
    );
    t.equal(stdout.toString(), "out\n");
    t.equal(stderr, "err\n");
    t.match(status, { reason: "NonZeroExitCode", details: { causes: [{ reason: "ExitCode", message: "7" }] } });
    const missing = await collect(open(fixture, "output=1&error=1", ["no-such-command"]));
    t.equal(missing.status.status, "Failure");
    t.match(`${missing.stdout}${missing.status.message}`, /no-such-command/);
  });

  await t.test("a terminal with a size", async (t) => {
    // The size comes in its own time.
    const script = 'i=0; while [ "$(stty size)" != "33 101" ] && [ $((i+=1)) -lt 300 ]; do sleep 0.1; done; stty size';
    const socket = open(fixture, "input=1&output=1&error=1&tty=1", ["sh", "-c", script]);
    const result = collect(socket);
    await once(socket, "open");
    socket.send(Buffer.from('\x04{"Width":101,"Height":33}'));
    t.match((await result).stdout.toString(), /33 101/);
  });

  await t.test("a client that goes takes its input along, and the command ends", async (t) => {
    const socket = open(fixture, "input=1&output=1", ["sh", "-c", "echo begun; cat >/dev/null; touch /tmp/ended"]);
    await new Promise<void>((resolve) => {
      socket.on("message", (raw: Buffer) => String(raw).includes("begun") && resolve());
    });
    socket.terminate();
    let code = 1;
    for (let round = 0; round < 300 && code !== 0; round++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      code = (await runtime.execSync(id, ["test", "-e", "/tmp/ended"], 30_000)).exitCode;
    }
    t.equal(code, 0, "the command saw the end of its input");
  });

  await t.test("logs: long lines in one piece, the last lines, following to the end", async (t) => {
    let whole = await log(fixture, "");
    for (let i = 0; i < 300 && !whole.endsWith("\nlast\n"); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      whole = await log(fixture, "");
    }
    const lines = whole.split("\n");
    t.same([lines[0], lines[1], lines[3]], ["first", "second", "last"]);
    t.equal(lines[2], "0123456789".repeat(4000));
    const timed = (await log(fixture, "timestamps=true")).split("\n");
    t.match(timed[2]!.slice(0, 40), /^\d{4}-\d\d-\d\dT[\d:.]+Z 0123456/);
    t.equal(timed[2]!.length, lines[2]!.length + timed[2]!.indexOf(" ") + 1);
    t.equal(await log(fixture, "tailLines=1"), "last\n");
    // Stopped only when the follower has its first line: asked for later, the last line would be the container's farewell.
    let stopped: Promise<void> | undefined;
    const followed = await log(fixture, "follow=true&tailLines=1", () => {
      stopped = runtime.stopContainer(id, 60);
    });
    await stopped;
    t.equal(followed, "last\nbye\n");
  });
});
