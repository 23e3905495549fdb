/** Probes of all four kinds, as the containers and the API see them. */
import { fileURLToPath } from "node:url";
import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";
import { condition, container, nodeConformance, PodWatch, sh, stateOf, WAIT } from "./pod-watch.js";

t.jobs = 20;
const session = await openLab(t);
const ns = await session.namespace(t, "pod-probes");
const watch = await PodWatch.open(t, ns);

const often = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 5 };
const exec = (script: string) => ({ exec: sh(script), ...often });
const http = (path: string, more: object = {}) => ({ httpGet: { path, port: 80, ...more }, ...often });
/** However slowly it starts: the other probes begin when it listens. */
const listens = (port: number) => ({ tcpSocket: { port }, periodSeconds: 1, failureThreshold: 60 });
/** A server whose answer to /healthz changes after some seconds. */
const nginx = (seconds: number) => ({
  image: "nginx:latest",
  ...sh(
    `cd /usr/share/nginx/html; touch healthz; nginx -g 'daemon off;' & trap 'kill $!; exit 0' TERM; ${seconds ? `sleep ${seconds}; rm healthz;` : ""} wait $!`,
  ),
  startupProbe: listens(80),
});
/** The health service on a real gRPC server: Node of the host, in the Pod's network. */
const grpc = (service: string, seconds: number) => {
  const server = fileURLToPath(new URL("../fixtures/grpc-health.js", import.meta.url));
  return {
    command: ["chroot", "/host", process.execPath, server, "5000", service, String(seconds)],
    volumeMounts: [{ name: "host", mountPath: "/host", readOnly: true }],
    startupProbe: listens(5000),
    livenessProbe: { grpc: { port: 5000, service }, ...often },
  };
};
const ofHost = { volumes: [{ name: "host", hostPath: { path: "/" } }] };
const healthFile = (seconds: number) =>
  `echo ok > /tmp/health; ${seconds ? `sleep ${seconds}; rm -f /tmp/health;` : ""} ${WAIT}`;
const counted = (what: string) => `echo >> /tmp/${what}`;

const pods: Record<string, object> = {
  "http-well": pod("http-well", { ...nginx(0), livenessProbe: http("/healthz") }),
  "http-sick": pod("http-sick", { ...nginx(3), livenessProbe: http("/healthz") }),
  "exec-well": pod("exec-well", {
    ...sh(healthFile(0)),
    livenessProbe: exec(`${counted("asked")}; cat /tmp/health`),
  }),
  "exec-sick": pod("exec-sick", { ...sh(healthFile(3)), livenessProbe: exec("cat /tmp/health") }),
  "tcp-well": pod("tcp-well", { ...nginx(0), livenessProbe: { tcpSocket: { port: 80 }, ...often } }),
  "grpc-well": pod("grpc-well", grpc("", 0), ofHost),
  "grpc-sick": pod("grpc-sick", grpc("liveness", 4), ofHost),
  restarts: pod("restarts", { ...sh(healthFile(1)), livenessProbe: exec("cat /tmp/health") }),
  delayed: pod("delayed", { ...nginx(0), readinessProbe: { ...http("/"), initialDelaySeconds: 6 } }),
  unready: pod("unready", { ...nginx(0), readinessProbe: exec(`${counted("asked")}; false`) }),
  headers: pod("headers", {
    image: "nginx:latest",
    ...sh(
      "printf 'events {} http { server { listen 80; location / { if ($http_x_wanted != yes) { return 500; } if ($http_host != own.name) { return 501; } return 200; } } }' > /tmp/c; exec nginx -c /tmp/c -g 'daemon off;'",
    ),
    readinessProbe: http("/", {
      httpHeaders: [
        { name: "X-Wanted", value: "yes" },
        { name: "Host", value: "own.name" },
      ],
    }),
  }),
  startup: pod("startup", {
    ...sh(`sleep 3; touch /tmp/up; ${WAIT}`),
    startupProbe: { ...exec("test -e /tmp/up"), failureThreshold: 60 },
    livenessProbe: exec(`test -e /tmp/up`),
    readinessProbe: exec("true"),
  }),
  "own-grace": pod(
    "own-grace",
    {
      ...sh("touch /tmp/health; trap '' TERM; sleep 2; rm /tmp/health; while :; do sleep 0.1; done"),
      livenessProbe: { ...exec("cat /tmp/health"), terminationGracePeriodSeconds: 1 },
    },
    { terminationGracePeriodSeconds: 600 },
  ),
};
await watch.createAll(Object.values(pods));

const count = (name: string) => (found: Pod) => container(found, name)?.restartCount ?? 0;
const restarts = count("main");
const restarted = (name: string) => watch.until(name, "restarted", (found) => restarts(found) > 0);
const never = (name: string, check: (pod: Pod) => boolean) => !watch.history(name).some(check);
const asked = (name: string) =>
  until(`${name} asked often`, async () => {
    return (await watch.exec(name, ["cat", "/tmp/asked"])).length >= 8;
  });

t.test("http: alive as long as the answer is good", async (t) => {
  proves(t, nodeConformance("Probing container should *not* be restarted with a /healthz http liveness probe"));
  proves(t, nodeConformance("Probing container should be restarted with a /healthz http liveness probe"));
  await restarted("http-sick");
  const log = () => watch.log("http-well");
  await until("asked often", async () => ((await log()).match(/GET \/healthz .*kube-probe/g)?.length ?? 0) >= 8);
  t.ok(never("http-well", (found) => restarts(found) > 0));
});

t.test("exec: alive as long as the command succeeds", async (t) => {
  proves(t, nodeConformance('Probing container should be restarted with a exec "cat /tmp/health" liveness probe'));
  proves(
    t,
    nodeConformance('Probing container should *not* be restarted with a exec "cat /tmp/health" liveness probe'),
  );
  await restarted("exec-sick");
  await asked("exec-well");
  t.ok(never("exec-well", (found) => restarts(found) > 0));
});

t.test("grpc: alive as long as the health service says so", async (t) => {
  proves(t, nodeConformance("Probing container should be restarted with a GRPC liveness probe"));
  proves(t, nodeConformance("Probing container should *not* be restarted with a GRPC liveness probe"));
  await restarted("grpc-sick");
  await until("an Event", async () =>
    (await watch.events("grpc-sick")).some((text) => text.includes('service unhealthy (responded with "NOT_SERVING")')),
  );
  const log = () => watch.log("grpc-well");
  await until("asked often", async () => ((await log()).match(/^check "" 1$/gm)?.length ?? 0) >= 8);
  t.ok(never("grpc-well", (found) => restarts(found) > 0));
});

t.test("tcp: alive as long as the port is open", async (t) => {
  proves(t, nodeConformance("Probing container should *not* be restarted with a tcp:8080 liveness probe"));
  const { status } = await watch.ready("tcp-well");
  const since = Date.parse(status?.startTime ?? "");
  // Other Pods' probes tell the time: theirs have the same period.
  await until("ten seconds of probes", async () => Date.now() - since > 10_000);
  t.ok(never("tcp-well", (found) => restarts(found) > 0));
});

t.test("readiness: not before its delay, and never a restart", async (t) => {
  proves(
    t,
    nodeConformance(
      "Probing container with readiness probe should not be ready before initial delay and never restart",
    ),
  );
  proves(
    t,
    nodeConformance("Probing container with readiness probe that fails should never be ready and never restart"),
  );
  const ready = await watch.ready("delayed");
  const started = Date.parse(stateOf(ready).running?.startedAt ?? "");
  const since = Date.parse(condition(ready, "Ready")?.lastTransitionTime ?? "");
  t.ok(since - started >= 5_000, `${since - started} ms`);
  await asked("unready");
  for (const name of ["delayed", "unready"]) t.ok(never(name, (found) => restarts(found) > 0));
  t.ok(never("unready", (found) => container(found)?.ready === true));
});

t.test("http with headers of its own", async (t) => {
  await watch.ready("headers");
  t.pass();
});

t.test("a startup probe comes before the others", async (t) => {
  const ready = await watch.ready("startup");
  t.equal(restarts(ready), 0, "liveness had to wait");
  t.ok(watch.history("startup").some((found) => stateOf(found).running && container(found)?.started === false));
});

t.test("a liveness probe's own grace period", async (t) => {
  const found = await restarted("own-grace");
  t.equal(container(found)?.lastState?.terminated?.exitCode, 137);
  await watch.delete("own-grace", 1);
});

t.test("restarts are counted upwards", async (t) => {
  proves(t, nodeConformance("Probing container should have monotonically increasing restart count"));
  await watch.until("restarts", "restarted twice", (found) => restarts(found) >= 2);
  const counts = watch.history("restarts").map(restarts);
  t.ok(counts.every((value, i) => i === 0 || value >= (counts[i - 1] ?? 0)));
  t.same([...new Set(counts)], [0, 1, 2]);
});
