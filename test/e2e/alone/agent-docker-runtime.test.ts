import { once } from "node:events";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import t from "tap";
import { removePodCgroup } from "#agent/pods/pod-cgroup.js";
import { openDockerRuntime } from "#agent/runtime/docker/docker-runtime.js";
import type { ContainerConfig, Runtime, RuntimeEvent, SandboxConfig } from "#agent/runtime/runtime.js";
import { TimeoutError } from "#agent/runtime/runtime.js";
import { temporaryDirectory } from "#test/temporary-directory.js";
import { until } from "#test/until.js";
import { slowProxy } from "../survival/slow-proxy.js";

const socketPath = process.env.BERTH_TEST_DOCKER?.replace(/^unix:\/\//, "");
const skip = socketPath ? false : "BERTH_TEST_DOCKER names no engine socket";
const nodeName = `runtime-test-${process.pid}`;
const pod = { namespace: "default", name: "web", uid: `uid-${process.pid}` };

const sandboxConfig = (attempt = 0): SandboxConfig => ({
  pod,
  attempt,
  hostname: "web",
  labels: { app: "web" },
  annotations: { note: "kept" },
  hostNetwork: false,
  hostPID: false,
  hostIPC: false,
  shareProcessNamespace: false,
  cgroupParent: `/${nodeName}/kubepods/besteffort/pod${pod.uid}`,
  sysctls: {},
});

const containerConfig = (sandboxId: string, name: string, args: string[], attempt = 0): ContainerConfig => ({
  pod,
  sandboxId,
  name,
  attempt,
  image: "busybox:latest",
  imageRef: "busybox",
  entrypoint: args,
  env: [{ name: "GREETING", value: "hello=world" }],
  mounts: [],
  resources: { cpuShares: 102, memoryLimit: 64 << 20, cpuQuota: 50_000, cpuPeriod: 100_000 },
  cgroupParent: `/${nodeName}/kubepods/besteffort/pod${pod.uid}`,
  pidNamespace: "container",
  ipcNamespace: "pod",
  groupAdd: [],
  tty: false,
  stdin: false,
  stdinOnce: false,
  privileged: false,
  readOnlyRootFilesystem: false,
  capabilities: { add: [], drop: [] },
  securityOptions: [],
  unmaskedProc: false,
  oomScoreAdj: 1000,
  labels: {},
  annotations: {},
});

async function removeAll(runtime: Runtime): Promise<void> {
  for (const { id } of await runtime.listContainers()) await runtime.removeContainer(id);
  for (const { id } of await runtime.listSandboxes()) await runtime.removeSandbox(id);
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += chunk;
  return all;
}

t.test("Docker runtime", { skip, timeout: 400_000 }, async (t) => {
  const open = (socketPath: string) => openDockerRuntime({ socketPath, nodeName, logger: pino({ level: "silent" }) });
  const runtime = await open(socketPath!);
  t.teardown(async () => {
    await removeAll(runtime);
    await removePodCgroup(`/${nodeName}`);
  });
  const seen: RuntimeEvent[] = [];
  const stream = await runtime.events(
    (event) => seen.push(event),
    () => undefined,
  );
  t.teardown(() => stream.close());

  const sandbox = await runtime.runSandbox(sandboxConfig());
  const start = async (name: string, args: string[], attempt = 0) => {
    const id = await runtime.createContainer(containerConfig(sandbox.id, name, args, attempt));
    await runtime.startContainer(id);
    return id;
  };

  await t.test("a sandbox is made once, however often it is asked for", async (t) => {
    t.ok(sandbox.running);
    t.ok(sandbox.pid > 0);
    t.match(sandbox, { pod, attempt: 0, labels: { app: "web", "annotation.note": "kept" } });
    t.equal((await runtime.runSandbox(sandboxConfig())).id, sandbox.id);
    t.equal((await runtime.listSandboxes()).length, 1);
  });

  await t.test("a dead leftover of the same name is replaced", async (t) => {
    const second = await runtime.runSandbox(sandboxConfig(1));
    await runtime.stopSandbox(second.id);
    const third = await runtime.runSandbox(sandboxConfig(1));
    t.not(third.id, second.id);
    t.ok(third.running);
    await runtime.removeSandbox(third.id);
    t.equal(await runtime.inspectSandbox(third.id), undefined);
    await runtime.removeSandbox(third.id);
  });

  await t.test("containers: create, start, inspect, logs, stop, remove", async (t) => {
    const script = "echo $GREETING; echo bad >&2; trap 'exit 3' TERM; while :; do sleep 0.1; done";
    const config = containerConfig(sandbox.id, "main", ["sh", "-c", script]);
    const id = await runtime.createContainer(config);
    t.equal((await runtime.inspectContainer(id))?.state, "created");
    t.equal(await runtime.createContainer(config), id, "create is idempotent");
    await runtime.startContainer(id);
    await runtime.startContainer(id);
    t.match(await runtime.inspectContainer(id), { state: "running", attempt: 0, name: "main", imageRef: "busybox" });
    const followed = await runtime.logs(id, { follow: true });
    await new Promise((resolve) => followed.output.once("data", resolve));
    followed.close();
    const read = async () => await text((await runtime.logs(id, { follow: false })).output);
    let log = await read();
    // The two outputs come by ways of their own.
    for (let i = 0; i < 600 && !/hello[\s\S]*bad|bad[\s\S]*hello/.test(log); i++) {
      await sleep(50);
      log = await read();
    }
    t.match(log, /^\d{4}-\d\d-\d\dT[\d:.]+Z hello=world\n/m);
    t.match(log, /Z bad\n/);
    t.equal((await text((await runtime.logs(id, { follow: false, tail: 1 })).output)).split("\n").length, 2);
    await runtime.stopContainer(id, 60);
    t.match(await runtime.inspectContainer(id), { state: "exited", exitCode: 3 });
    await runtime.stopContainer(id, 10);
    await runtime.removeContainer(id);
    await runtime.removeContainer(id);
    t.equal(await runtime.inspectContainer(id), undefined);
  });

  await t.test("attached to a container until it ends; one that has ended is told", async (t) => {
    const id = await start("brief", ["sh", "-c", "sleep 1; echo bye"]);
    const attach = () => {
      const stdout = new PassThrough();
      return { stdout, session: runtime.attach(id, { stdin: new PassThrough(), stdout, tty: false }) };
    };
    const { stdout, session } = attach();
    t.equal((await (await session).wait()).exitCode, 0);
    t.equal(stdout.read()?.toString(), "bye\n");
    await until(async () => (await runtime.inspectContainer(id))?.state === "exited");
    await t.rejects(attach().session, { code: 409, message: `container ${id} is not running` });
    await runtime.removeContainer(id);
  });

  await t.test("a long log is read at the reader's pace", async (t) => {
    const bytes = 8_000_000;
    const id = await start("chatty", ["sh", "-c", `yes a line of some length | head -c ${bytes}`]);
    await until(() => seen.some((event) => event.id === id && event.action === "die"), 60_000);
    const { output, close } = await runtime.logs(id, { follow: false });
    await once(output, "readable");
    t.ok(output.readableLength < bytes / 8, `${output.readableLength} bytes held before any was read`);
    let read = 0;
    for await (const chunk of output) read += chunk.length;
    t.ok(read > bytes, "and comes whole");
    close();
    await runtime.removeContainer(id);
  });

  await t.test("what cannot be started says why", async (t) => {
    const id = await runtime.createContainer(containerConfig(sandbox.id, "broken", ["/no/such/program"]));
    await t.rejects(runtime.startContainer(id), /no such file or directory/);
    t.match(await runtime.inspectContainer(id), { state: "created", exitCode: 127, error: /no such file/ });
  });

  await t.test("exec: output, exit code, input, terminal, time-out", async (t) => {
    const id = await start("exec", ["sleep", "1000"]);
    t.same(await runtime.execSync(id, ["sh", "-c", "echo out; echo err >&2; exit 7"], 30_000), {
      exitCode: 7,
      stdout: "out\n",
      stderr: "err\n",
    });
    const began = Date.now();
    await t.rejects(runtime.execSync(id, ["sleep", "300"], 300), TimeoutError);
    t.ok(Date.now() - began < 20_000, "the time-out is kept");
    const processes = async () => (await runtime.execSync(id, ["ps"], 30_000)).stdout;
    for (let i = 0; i < 100 && (await processes()).includes("sleep 300"); i++) await sleep(50);
    t.notMatch(await processes(), /sleep 300/, "the command that hung is gone");

    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    const session = await runtime.exec(id, ["cat"], { stdin, stdout, tty: false });
    const big = "x".repeat(300_000);
    stdin.end(big);
    const output = text(stdout);
    t.equal((await session.wait()).exitCode, 0);
    stdout.end();
    t.equal((await output).length, big.length, "input ends, output is complete");

    const terminal = new PassThrough();
    const tty = await runtime.exec(id, ["sh", "-c", "test -t 1 && echo terminal"], { stdout: terminal, tty: true });
    const shown = text(terminal);
    t.equal((await tty.wait()).exitCode, 0);
    terminal.end();
    t.match(await shown, /terminal/);
  });

  await t.test("exec: the time of a command counts from its own start, not from the engine's", async (t) => {
    const id = await start("late", ["sleep", "1000"]);
    const slowSocket = join(temporaryDirectory("berth-slow-"), "docker.sock");
    const close = await slowProxy(slowSocket, socketPath!, 250);
    t.teardown(close);
    const slow = await open(slowSocket);
    t.equal((await slow.execSync(id, ["sleep", "0.4"], 600)).exitCode, 0);
    await t.rejects(slow.execSync(id, ["sleep", "300"], 600), TimeoutError);
  });

  await t.test("images and version", async (t) => {
    const image = await runtime.inspectImage("busybox:latest");
    t.match(image?.id, /^sha256:/);
    t.ok((await runtime.listImages()).some((i) => i.id === image?.id));
    t.equal(await runtime.inspectImage("nothing.invalid/none:1"), undefined);
    await t.rejects(runtime.pullImage("localhost:1/none:latest"), /./);
    t.match(await runtime.version(), { name: "docker", cgroupDriver: /cgroupfs|systemd/, apiVersion: /^1\.\d+$/ });
  });

  await t.test("events name the Pod and the container", async (t) => {
    const mine = () => seen.filter((event) => event.podUid === pod.uid && event.containerName === "main");
    await until(() => mine().length >= 4);
    t.same(
      mine().map((event) => event.action),
      ["create", "start", "die", "destroy"],
    );
    t.ok(seen.some((event) => event.type === "sandbox" && event.action === "start"));
  });
});
