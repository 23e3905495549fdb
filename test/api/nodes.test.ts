/** How hosts become nodes, and how requests reach their kubelets: with the agent's own kubelet endpoint at the other end. */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:tls";
import "reflect-metadata";
import { Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import t from "tap";
import { formatJoinToken, parseJoinToken } from "#api/join.js";
import { createToken } from "#controlplane/commands/token-create.js";
import { TestServer } from "#test/fixtures/api-server.js";
import { scriptedExec, scriptedLogs } from "#test/fixtures/kubelet-backend.js";
import { patchNodeStatus, startNode } from "#test/fixtures/kubelet-node.js";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

async function csr(name: string): Promise<string> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  return (await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: ALGORITHM })).toString("pem");
}

async function joinBody(nodeName: string, machineId: string, addresses: string[]) {
  return {
    nodeName,
    machineId,
    addresses,
    clientCSR: await csr("CN=berth-admin,O=system:masters"),
    servingCSR: await csr("CN=kubernetes"),
  };
}

t.test("a token becomes certificates whose names the server chose", async (t) => {
  const api = await TestServer.start(t);
  const text = await createToken(api.server.kubeconfig, 600, Date.now());
  const token = parseJoinToken(text);
  t.equal(token.caHash, api.server.pki.authorityHash);
  t.equal(formatJoinToken(token), text);
  t.throws(() => parseJoinToken("berth.x.y.z"), /not a join token/);
  const headers = { authorization: `Bearer ${token.id}.${token.secret}` };
  const join = async (...args: Parameters<typeof joinBody>) =>
    api.call("POST", "/berth/v1/join", { as: null, headers, body: await joinBody(...args) });

  const { status, json } = await join("n1", "machine-1", ["192.0.2.1"]);
  t.equal(status, 200);
  const client = new X509Certificate(json.clientCertificate);
  t.equal(client.subject, "O=system:nodes\nCN=system:node:n1");
  t.same(client.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  const serving = new X509Certificate(json.servingCertificate);
  t.equal(serving.subjectAltName, "DNS:n1, IP Address:192.0.2.1");
  t.same(serving.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  t.equal(json.ca, api.server.pki.authority.certificate);
  t.match(json.cluster, { clusterDNS: "10.96.0.10", serviceCIDRs: ["10.96.0.0/16"] });

  t.equal((await join("n1", "machine-1", ["192.0.2.1"])).status, 200, "the same machine again");
  const name = await join("n1", "machine-2", ["192.0.2.2"]);
  t.equal(name.status, 409);
  t.match(
    name.json.message,
    /a node named "n1" already exists on another machine \(machine id machine-1, this one is machine-2\)/,
  );
  const address = await join("n2", "machine-2", ["192.0.2.1"]);
  t.equal(address.status, 409);
  t.match(address.json.message, /node "n1" on another machine .* already has the address 192\.0\.2\.1/);
  for (const bad of ["127.0.0.1", "0.0.0.0", "10.96.0.1", "example.org"]) {
    t.equal((await join("n3", "machine-3", [bad])).status, 400, bad);
  }
  for (const bad of ["localhost", "kubernetes.default.svc", "Bad_Name", ""]) {
    t.equal((await join(bad, "machine-3", ["192.0.2.3"])).status, 400, bad);
  }

  const own = await api.certificate("system:node:n1", "system:nodes");
  const renew = async (nodeName: string) =>
    api.call("POST", "/berth/v1/join", { as: own, body: await joinBody(nodeName, "machine-1", ["192.0.2.1"]) });
  t.equal((await renew("n1")).status, 200, "renewal with the node's certificate");
  t.equal((await renew("n4")).status, 403);
});

t.test("berth token create refuses what it cannot do", async (t) => {
  const { parseTtl } = await import("#controlplane/commands/token.js");
  t.equal(parseTtl("24h"), 86_400);
  t.equal(parseTtl("0"), undefined);
  for (const bad of ["", "5", "-1h", "0m", "1y"]) t.throws(() => parseTtl(bad), /--ttl/);
  await t.rejects(createToken(`${t.testdir()}/none`, 60, Date.now()), /ENOENT/);
});

t.test("logs come from the kubelet, with both kubectl versions", async (t) => {
  const api = await TestServer.start(t);
  const { kubelet } = await startNode(t, api, scriptedLogs(["2026-01-01T00:00:01.000000000Z hello\n"]));
  for (const version of ["v32", "v35"] as const) {
    const logs = (...args: string[]) => api.kubectl(version, ["logs", ...args]);
    t.equal((await logs("one")).stdout, "hello\n");
    t.match((await logs("one", "--timestamps", "--tail=1")).stdout, /^2026-01-01T00:00:01\S* hello\n$/);
    t.equal((await logs("two", "-c", "b")).stdout, "hello\n");
    t.equal((await logs("waiting")).stdout, "", "no node yet");
    t.match((await logs("one", "-c", "x")).stderr, /container x is not valid for pod one/);
    t.match((await logs("none")).stderr, /pods "none" not found/);
  }
  const log = (query: string) => api.call("GET", `/api/v1/namespaces/default/pods/${query}`);
  const several = await log("two/log");
  t.same(
    [several.status, several.json.message],
    [400, "a container name must be specified for pod two, choose one of: [a b]"],
  );
  t.equal((await log("one/log?tailLines=x")).status, 400, "the kubelet's refusal comes through");
  t.equal((await log("one/log?limitBytes=0")).status, 422);
  await kubelet.stop();
  const gone = await log("one/log");
  t.equal(gone.status, 502);
  t.match(gone.json.message, /cannot reach the kubelet of node "n1" at 127\.0\.0\.1:\d+: connection refused/);
});

t.test("exec goes through to the kubelet, with both kubectl versions", async (t) => {
  const api = await TestServer.start(t);
  const cat = scriptedExec(async ({ stdin, stdout }) => {
    for await (const chunk of stdin ?? []) stdout?.write(chunk);
    return 0;
  });
  await startNode(t, api, cat);
  for (const version of ["v32", "v35"] as const) {
    const exec = (args: string[], input?: string) => api.kubectl(version, ["exec", ...args], input);
    const echoed = await exec(["-i", "one", "--", "cat"], "through and back\n");
    t.equal(echoed.stdout, "through and back\n", `${version} ${echoed.stderr}`);
    const large = "x".repeat(1_000_000);
    t.ok((await exec(["-i", "one", "--", "cat"], large)).stdout === large, "a megabyte, both ways");
    t.match(
      (await exec(["one", "-c", "x", "--", "ls"])).stderr,
      /container x is not valid for pod one|container not found/,
    );
    t.match((await exec(["waiting", "--", "ls"])).stderr, /pod waiting does not have a host assigned/);
  }
});

t.test("a kubelet that is not ours gets nothing", async (t) => {
  const api = await TestServer.start(t);
  const stranger = await TestServer.start(t);
  const { client } = await startNode(t, api, {});
  await patchNodeStatus(client, { daemonEndpoints: { kubeletEndpoint: { Port: stranger.server.port } } });
  const log = await api.call("GET", "/api/v1/namespaces/default/pods/one/log");
  t.equal(log.status, 502);
  t.match(log.json.message, /cannot reach the kubelet/);
  const { pki, port } = api.server;
  const socket = connect({
    host: "127.0.0.1",
    port,
    ca: pki.authority.certificate,
    cert: pki.admin.certificate,
    key: pki.admin.key,
  });
  socket.write(
    "GET /api/v1/namespaces/default/pods/one/exec?command=ls&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" +
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  const [data] = (await once(socket, "data")) as [Buffer];
  t.match(data.toString(), /^HTTP\/1\.1 502 /);
  socket.destroy();
});
