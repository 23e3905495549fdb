/** The real kubectl, through a real API server and kubelet endpoint, to servers on the localhost of a network of their own. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { pods } from "#api/refs.js";
import { type ClientVersion, pinnedClient } from "#scripts/lab/kubectl.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";
import { exchange, type Forward, startForward } from "#test/fixtures/kubectl-forward.js";
import { startNode } from "#test/fixtures/kubelet-node.js";
import { digest, patterned } from "#test/fixtures/stream-bytes.js";
import { holdNetns } from "./own-netns.js";

const [ECHO, SOURCE, SINK, CUT, ECHO6] = [7001, 7002, 7003, 7004, 7006];
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
      for (let i = 0; i < 150; i++) await exchange(session, ECHO, Buffer.from("again"));
      await settles(t, before, "after many connections");
      t.equal(await session.end(), "", "kubectl had nothing to complain about");
      await settles(t, idle, "after the session");
    });
  }
}
