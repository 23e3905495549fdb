import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import t, { type Test } from "tap";
import { httpProbe } from "#agent/probes/http-probe.js";
import { ProbeManager } from "#agent/probes/probe-manager.js";
import type { ProbeResult } from "#agent/probes/probe-result.js";
import { ProbeWorker } from "#agent/probes/probe-worker.js";
import { runProbe } from "#agent/probes/run-probe.js";
import { tcpProbe } from "#agent/probes/tcp-probe.js";
import { type Runtime, TimeoutError } from "#agent/runtime/runtime.js";
import type { Container } from "#api/generated/types.js";
import { FakeClock } from "#test/fixtures/fake-clock.js";
import { containerOf, podOf } from "#test/fixtures/pod-objects.js";

const ok: ProbeResult = { outcome: "success", message: "" };
const bad: ProbeResult = { outcome: "failure", message: "bad" };

t.test("thresholds, delay and period", async (t) => {
  const clock = new FakeClock();
  const results = [ok, bad, bad, ok, bad, bad, bad, bad, ok];
  const runs: number[] = [];
  const verdicts: boolean[] = [];
  const began = clock.now();
  const worker = new ProbeWorker({
    kind: "liveness",
    probe: { initialDelaySeconds: 5, periodSeconds: 2, failureThreshold: 3 },
    clock,
    startedAt: began,
    jitter: 0,
    run: async () => {
      runs.push((clock.now() - began) / 1000);
      return results.shift() ?? ok;
    },
    onVerdict: (healthy) => verdicts.push(healthy),
    onFailure: () => undefined,
  });
  worker.start();
  await clock.advance(20_000);
  t.same(runs.slice(0, 4), [5, 7, 9, 11]);
  t.same(verdicts, [true, false], "two failures in a row are not three");
  await clock.advance(2_000);
  t.same(verdicts, [true, false, true]);
  worker.stop();
  const before = runs.length;
  await clock.advance(10_000);
  t.equal(runs.length, before);
});

/** A manager whose exec probes end as told, by command. */
function manager(outcomes: Record<string, number>, container: Partial<Container>) {
  const clock = new FakeClock();
  const said: string[] = [];
  const runtime: Partial<Runtime> = {
    execSync: async (_id, [name = ""]) => ({ exitCode: outcomes[name] ?? 0, stdout: `${name} says`, stderr: "" }),
  };
  const probes = new ProbeManager({
    runtime: runtime as Runtime,
    clock,
    random: () => 0,
    onChange: () => undefined,
    say: (_pod, _container, reason, message) => said.push(`${reason}: ${message}`),
  });
  const probed = {
    pod: podOf(),
    container: containerOf("main", container),
    id: "c",
    startedAt: clock.now(),
    podIP: "",
  };
  return { probes, clock, said, add: (was = false) => probes.add({ ...probed, wasReady: was, wasStarted: was }) };
}

const exec = (name: string) => ({ exec: { command: [name] }, periodSeconds: 1, failureThreshold: 1 });

t.test("without probes a container is ready as it runs", async (t) => {
  const { probes, add } = manager({}, {});
  t.equal(probes.isReady("c"), false);
  add();
  t.equal(probes.isReady("c"), true);
  probes.remove("c");
  t.equal(probes.isReady("c"), false);
});

t.test("readiness follows its probe; liveness condemns; startup comes first", async (t) => {
  const outcomes: Record<string, number> = { ready: 1, live: 1, start: 1 };
  const container = {
    readinessProbe: exec("ready"),
    livenessProbe: exec("live"),
    startupProbe: { ...exec("start"), failureThreshold: 10 },
  };
  const { probes, clock, said, add } = manager(outcomes, container);
  add();
  await clock.advance(2_500);
  t.same(new Set(said), new Set(["Unhealthy: Startup probe failed: start says"]), "nothing else runs before");
  t.equal(probes.isStarted("c"), false);
  outcomes["start"] = 0;
  outcomes["live"] = 0;
  await clock.advance(1_000);
  t.equal(probes.isStarted("c"), true);
  t.equal(probes.isReady("c"), false);
  outcomes["ready"] = 0;
  await clock.advance(1_000);
  t.equal(probes.isReady("c"), true);
  t.same([...probes.condemned("uid-1")], []);
  outcomes["live"] = 1;
  await clock.advance(1_000);
  t.match(
    [...probes.condemned("uid-1")],
    [["c", { message: "Container main failed liveness probe, will be restarted" }]],
  );
  t.ok(said.includes("Unhealthy: Liveness probe failed: live says"));
  probes.stop();
});

t.test("a restarted agent does not make a ready container unready", async (t) => {
  const { probes, add } = manager({ ready: 1 }, { readinessProbe: exec("ready") });
  add(true);
  t.equal(probes.isReady("c"), true);
  probes.stop();
});

async function server(t: Test): Promise<number> {
  const http = createServer((request, response) => {
    if (request.url === "/hang") return;
    const redirect: Record<string, string> = { "/near": "/500", "/far": "http://example.invalid/" };
    const location = redirect[request.url ?? ""];
    if (location) response.writeHead(302, { location }).end();
    else response.writeHead(Number(request.url?.slice(1)) || 200).end(JSON.stringify(request.headers));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    http.closeAllConnections();
    http.close();
  });
  return (http.address() as AddressInfo).port;
}

t.test("httpGet", async (t) => {
  const port = await server(t);
  const get = (path: string, timeout = 30_000) => httpProbe({ path, port }, "127.0.0.1", port, timeout);
  t.match(await get("/"), { outcome: "success" });
  t.match(await get("/399"), { outcome: "success" });
  t.same(await get("/500"), { outcome: "failure", message: "HTTP probe failed with statuscode: 500" });
  t.same(await get("/near"), { outcome: "failure", message: "HTTP probe failed with statuscode: 500" });
  t.match(await get("/far"), { outcome: "success" }, "another host is not followed");
  const began = Date.now();
  t.match(await get("/hang", 200), {
    outcome: "failure",
    message: `Get "http://127.0.0.1:${port}/hang": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  });
  t.ok(Date.now() - began < 10_000);
  t.same(await httpProbe({ port: 1 }, "127.0.0.1", 1, 30_000), {
    outcome: "failure",
    message: 'Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused',
  });
});

t.test("tcpSocket and exec", async (t) => {
  const port = await server(t);
  t.match(await tcpProbe("127.0.0.1", port, 30_000), { outcome: "success" });
  t.match(await tcpProbe("127.0.0.1", 1, 30_000), { message: "dial tcp 127.0.0.1:1: connect: connection refused" });
  const container = containerOf("main", { ports: [{ name: "web", containerPort: port }] });
  const runtime: Partial<Runtime> = {
    execSync: async () => {
      throw new TimeoutError("late");
    },
  };
  const target = { runtime: runtime as Runtime, container, containerId: "c", podIP: "127.0.0.1" };
  t.match(await runProbe({ tcpSocket: { port: "web" } }, target), { outcome: "success" });
  t.match(await runProbe({ httpGet: { port: "none" } }, target), {
    outcome: "error",
    message: /couldn't find port: "none"/,
  });
  t.same(await runProbe({ exec: { command: ["sleep", "9"] }, timeoutSeconds: 2 }, target), {
    outcome: "failure",
    message: 'command timed out: "sleep 9" timed out after 2s',
  });
});
