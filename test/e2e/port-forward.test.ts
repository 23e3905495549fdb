/** Into a Pod with kubectl, as people do while they look for a fault: forwarded ports, copied files, attached and debugging containers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Pod } from "#api/generated/types.js";
import { exchange, startForward } from "#test/fixtures/kubectl-forward.js";
import { digest, patterned } from "#test/fixtures/stream-bytes.js";
import { kubectlAt, kubectlVersions, nginx, openLab, pod, until } from "./lab-session.js";

const session = await openLab(t);
const { lab } = session;
const ns = await session.namespace(t, "forward");
const [old, recent] = (await kubectlVersions()).map(({ path }) => path) as [string, string];

// A page for the Pod's own localhost only, and a process that answers what is typed.
const boxed = `mkdir /www; echo local > /www/index.html; busybox httpd -p 127.0.0.1:8080 -h /www
while read line; do echo "got $line"; done; sleep 1000`;
await ns.apply(pod("box", { command: ["sh", "-c", boxed], stdin: true }), nginx("web", 1), {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
});
await ns.kubectl(["wait", "--for=condition=Ready", "pod/box", "--timeout=60s"]);
await ns.kubectl(["rollout", "status", "deployment/web", "--timeout=60s"]);

/** kubectl's two ways to speak: what it does by itself, and what older ones did. */
const spoken = (webSockets: boolean): NodeJS.ProcessEnv => ({
  ...process.env,
  KUBECONFIG: lab.kubeconfig,
  KUBECTL_PORT_FORWARD_WEBSOCKETS: String(webSockets),
  KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(webSockets),
});
const WAYS = [
  ["kubectl 1.35", recent, true],
  ["kubectl 1.32 over SPDY", old, false],
] as const;

/** A page of what is forwarded. */
async function page(t: Test, kubectl: string, env: NodeJS.ProcessEnv, what: string, port: number): Promise<string> {
  const forward = await startForward(kubectl, env, ["-n", ns.name, what, `:${port}`]);
  t.teardown(() => forward.end());
  return (await exchange(forward, port, Buffer.from("GET / HTTP/1.0\r\n\r\n"))).toString();
}

for (const [name, kubectl, webSockets] of WAYS) {
  const env = spoken(webSockets);
  const run = (args: readonly string[], input?: string) =>
    kubectlAt(kubectl, lab, ["-n", ns.name, ...args], { input, env });

  t.test(`port-forward: ${name}`, async (t) => {
    t.match(await page(t, kubectl, env, "pod/box", 8080), /200 OK[\s\S]*local/, "the Pod's own localhost");
    t.match(await page(t, kubectl, env, "service/web", 80), /200 OK[\s\S]*nginx/);
    t.match(await page(t, kubectl, env, "deployment/web", 80), /200 OK[\s\S]*nginx/);
  });

  t.test(`cp: ${name}`, async (t) => {
    const bytes = patterned(2_000_003);
    const [there, back] = [join(t.testdir(), "there"), join(t.testdir(), "back")];
    await writeFile(there, bytes);
    t.match(await run(["cp", there, "box:/tmp/file"]), { code: 0 });
    t.match(await run(["cp", "box:/tmp/file", back]), { code: 0 });
    t.equal(digest(await readFile(back)), digest(bytes));
  });

  t.test(`a terminal and its size: ${name}`, async (t) => {
    const sized =
      'i=0; until [ "$(stty size)" = "33 101" ] || [ $((i+=1)) = 300 ]; do sleep 0.1; done; echo "$(tty) $(stty size)"';
    const tty = `stty rows 33 cols 101; ${kubectl} -n ${ns.name} exec -it box -- sh -c '${sized}'`;
    const seen = await kubectlAt("script", lab, ["-qec", tty, "/dev/null"], { env });
    t.match(seen.stdout, /\/dev\/pts\/\d+ 33 101/);
  });

  t.test(`debug, in the Pod and on its node: ${name}`, async (t) => {
    const image = ["--image=busybox:latest", "--image-pull-policy=IfNotPresent", "--profile=general", "-qi"];
    // The pipe to an attached container does not end with kubectl's: it asks for one line.
    const asked = ["--", "sh", "-c", "read word; echo heard $word; cat /proc/1/comm"];
    const { spec } = await ns.get<Pod>("pod", "box");
    const [inPod, onNode] = await Promise.all([
      run(["debug", "box", "--target=main", ...image, ...asked], "hello\n"),
      run(["debug", `node/${spec.nodeName}`, ...image, ...asked], "node\n"),
    ]);
    t.match(inPod.stdout, /heard hello\nsh\n/, "the target's processes are seen");
    t.match(onNode.stdout, /heard node\n/, onNode.stderr);
  });
}

t.test("attach: what is typed reaches the process, more than once", async (t) => {
  for (const [name, kubectl, webSockets] of WAYS) {
    const attached = spawn(kubectl, ["-n", ns.name, "attach", "-i", "box"], { env: spoken(webSockets) });
    const ended = once(attached, "exit");
    attached.stdin.write(`${name}\n`);
    await until(`${name} is heard`, async () => (await ns.kubectl(["logs", "box"])).includes(`got ${name}`));
    t.equal(attached.exitCode, null, "it stays attached");
    attached.kill();
    await ended;
  }
});
