/** Commands over SPDY: kubectl told to use it, and every version of the protocol as older clients spoke it. */
import { once } from "node:events";
import t from "tap";
import { pinnedClient } from "#scripts/lab/kubectl.js";
import { runAny } from "#scripts/run.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";
import { scriptedExec } from "#test/fixtures/kubelet-backend.js";
import { startNode } from "#test/fixtures/kubelet-node.js";
import { received, SpdyClient } from "#test/fixtures/spdy-client.js";
import { patterned } from "#test/fixtures/stream-bytes.js";

const exec = (query: string) => `/api/v1/namespaces/default/pods/one/exec?${query}`;
const all = "command=cat&stdin=1&stdout=1&stderr=1";

t.test("kubectl over SPDY: bytes as they are, the end of the input, the exit code", async (t) => {
  const api = await TestServer.start(t);
  const cat = scriptedExec(async ({ stdin, stdout, stderr }) => {
    for await (const chunk of stdin ?? []) if (!stdout!.write(chunk)) await once(stdout!, "drain");
    stderr!.write("done\n");
    return 7;
  });
  await startNode(t, api, cat);
  // Text, since that is what comes back as it went in here; the port-forward tests send every byte.
  const input = patterned(3_000_000).toString("base64");
  for (const version of ["v32", "v35"] as const) {
    const env = {
      ...process.env,
      KUBECONFIG: api.server.kubeconfig,
      HOME: api.dataDir,
      KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false",
    };
    const kubectl = await pinnedClient("kubectl", version);
    const { code, stdout, stderr } = await runAny(kubectl, ["exec", "-i", "one", "--", "cat"], { env, input });
    t.ok(stdout === input, `${version}: ${stdout.length} of ${input.length} bytes`);
    t.match(stderr, /^done\ncommand terminated with exit code 7/);
    t.equal(code, 7);
  }
});

t.test("each version reports the end in its own way", async (t) => {
  const api = await TestServer.start(t);
  const { exec: run } = scriptedExec(async ({ stdin, stdout }) => {
    stdin!.on("data", (chunk) => stdout!.write(chunk));
    await once(stdin!, "end");
    return 3;
  });
  await startNode(t, api, { exec: run });
  const message = "command terminated with non-zero exit code: exit status 3";
  for (const [offered, chosen] of [
    [["v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io"], "v4.channel.k8s.io"],
    [["v3.channel.k8s.io"], "v3.channel.k8s.io"],
    [["v2.channel.k8s.io", "channel.k8s.io"], "v2.channel.k8s.io"],
    [["channel.k8s.io"], "channel.k8s.io"],
    [[], undefined],
  ] as const) {
    const client = await SpdyClient.open(api, exec(all), offered);
    t.equal(client.protocol, chosen);
    const stream = (streamType: string) => client.stream({ streamType });
    const [error, stdin, stdout] = [stream("error"), stream("stdin"), stream("stdout")];
    t.equal(await received(stream("nonsense")), "", "refused");
    stream("stderr");
    stdin.end("hello");
    t.equal(await received(stdout), "hello");
    const end = await received(error);
    if (chosen === "v4.channel.k8s.io")
      t.match(JSON.parse(end), { status: "Failure", reason: "NonZeroExitCode", message });
    else t.equal(end, message);
    client.close();
  }
  await t.rejects(
    SpdyClient.open(api, exec(all), ["v9"]),
    /403 .*client supports \[v9\], server accepts \[v4\.channel/,
  );
});

t.test("a terminal is resized; a client that goes ends the session", async (t) => {
  const api = await TestServer.start(t);
  const { exec: run, record } = scriptedExec(async ({ stdin }) => {
    await once(stdin!.resume(), "close");
    return 137;
  });
  await startNode(t, api, { exec: run });
  const client = await SpdyClient.open(api, exec("command=sh&stdin=1&stdout=1&stderr=1&tty=1"), ["v4.channel.k8s.io"]);
  const [, resize] = ["error", "resize", "stdin", "stdout"].map((streamType) => client.stream({ streamType }));
  resize!.write('{"Width":80,"Height":24}\n{"Width":');
  resize!.write('132,"Height":43}\n');
  await eventually(() => record.sizes.find(([width, height]) => width === 132 && height === 43), "the last size");
  client.close();
  await eventually(() => record.closed || undefined, "the end of the session");
  t.pass("closed");
});
