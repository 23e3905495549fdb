import { statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import pino from "pino";
import t, { type Test } from "tap";
import { type JoinOptions, joinCluster } from "#agent/join/join.js";
import { machineId } from "#agent/join/machine-id.js";
import { loadIdentity, validity } from "#agent/join/node-identity.js";
import { startRenewal } from "#agent/join/renewal.js";
import { formatJoinToken, type JoinRequest, type JoinResponse } from "#api/join.js";
import { type ClusterPki, openPki } from "#apiserver/pki/cluster-pki.js";
import { signCsr } from "#apiserver/pki/issue.js";
import { systemClock } from "#client/clock.js";

const cluster: JoinResponse["cluster"] = {
  podCIDRs: ["10.244.0.0/16"],
  serviceCIDRs: ["10.96.0.0/16"],
  nodePortRange: [30000, 32767],
  clusterDomain: "cluster.local",
  clusterDNS: "10.96.0.10",
};

interface Seen {
  request: JoinRequest;
  credential: string;
}

/** An API server that only knows how to let nodes join; `refuse` answers a request with a Status instead. */
async function joinServer(t: Test, now = Date.now()) {
  const pki = await openPki(t.testdir({}), ["127.0.0.1"], now);
  const state = { seen: [] as Seen[], refuse: undefined as { code: number; message: string } | undefined };
  const server = createServer(tlsOf(pki), async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as JoinRequest;
    const subject = (request.socket as TLSSocket).getPeerCertificate().subject;
    state.seen.push({ request: body, credential: request.headers.authorization ?? String(subject?.CN) });
    if (state.refuse) {
      response.writeHead(state.refuse.code).end(JSON.stringify({ kind: "Status", ...state.refuse }));
      return;
    }
    response.end(JSON.stringify(await answer(pki, body, now)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { pki, state, url: urlOf(server), token: tokenOf(pki) };
}

const tlsOf = ({ serving, authority }: ClusterPki) => ({
  cert: serving.certificate + authority.certificate,
  key: serving.key,
  ca: authority.certificate,
  requestCert: true,
  rejectUnauthorized: false,
});
const urlOf = (server: Server) => `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
const tokenOf = ({ authorityHash: caHash }: ClusterPki) =>
  formatJoinToken({ caHash, id: "abcdef", secret: "0123456789abcdef" });

async function answer({ authority }: ClusterPki, request: JoinRequest, now: number): Promise<JoinResponse> {
  const subject = { commonName: `system:node:${request.nodeName}`, organizations: ["system:nodes"] };
  const names = [request.nodeName, ...request.addresses];
  return {
    ca: authority.certificate,
    clientCertificate: await signCsr(authority, { subject, usage: "client" }, request.clientCSR, now),
    servingCertificate: await signCsr(authority, { subject, usage: "server", names }, request.servingCSR, now),
    cluster,
  };
}

const logger = pino({ level: "silent" });

function optionsFor(folder: string, server: string, extra: Partial<JoinOptions> = {}): JoinOptions {
  const claim = { nodeName: "node-1", machineId: "m1", addresses: ["10.9.9.9"] };
  return { ...claim, server, folder, clock: systemClock, logger, ...extra };
}

t.test("a token is exchanged for certificates, which are kept and used again", async (t) => {
  const { state, url, token } = await joinServer(t);
  const folder = join(t.testdir({}), "agent");
  const identity = await joinCluster(optionsFor(folder, url, { token }));
  t.match(state.seen, [
    { credential: "Bearer abcdef.0123456789abcdef", request: { nodeName: "node-1", machineId: "m1" } },
  ]);
  t.same(identity.cluster, cluster);
  t.equal(statSync(join(folder, "pki/client.pem")).mode & 0o777, 0o600);
  t.same(await joinCluster(optionsFor(folder, "https://127.0.0.1:1")), identity, "needs neither server nor token");

  const moved = await joinCluster(optionsFor(folder, url, { addresses: ["10.9.9.10"] }));
  t.equal(state.seen[1]!.credential, "system:node:node-1", "a new address is certified with the old certificate");
  t.same(moved.addresses, ["10.9.9.10"]);
  t.same(loadIdentity(folder), moved);
});

t.test("every refusal says what to do", async (t) => {
  const { state, url, token } = await joinServer(t);
  const stranger = await joinServer(t);
  const attempt = (extra: Partial<JoinOptions>, folder = t.testdir({})) => joinCluster(optionsFor(folder, url, extra));
  await t.rejects(attempt({}), /berth token create/, "no token");
  await t.rejects(attempt({ token: "berth.x.y" }), /not a join token/);
  await t.rejects(
    attempt({ token: stranger.token }),
    /not the API server this token or node belongs to/,
    "wrong CA hash",
  );
  t.equal(state.seen.length, 0, "nothing was sent to a server that is not the one");
  state.refuse = { code: 401, message: "Unauthorized" };
  await t.rejects(attempt({ token }), /unknown or has expired/);
  state.refuse = { code: 409, message: 'a node named "node-1" already exists on another machine' };
  await t.rejects(attempt({ token }), /already exists on another machine/);
  state.refuse = undefined;

  const folder = t.testdir({});
  await attempt({ token }, folder);
  await t.rejects(attempt({ nodeName: "node-2" }, folder), /has joined as node "node-1"/);
  await t.rejects(attempt({ token: stranger.token }, folder), /token is for another cluster/);
  await t.rejects(
    attempt({ server: url.replace("127.0.0.1", "localhost"), addresses: ["10.9.9.10"] }, folder),
    /--tls-san/,
  );
});

t.test("a server that is away is waited for, saying so", async (t) => {
  const { state, url, token } = await joinServer(t);
  const told: string[] = [];
  const patient = { ...logger, warn: (_: object, text: string) => told.push(text), info: () => undefined };
  const clock = {
    ...systemClock,
    after: (_delay: number, run: () => void) => {
      state.refuse = undefined;
      setImmediate(run);
      return () => undefined;
    },
  };
  state.refuse = { code: 503, message: "starting" };
  await joinCluster(optionsFor(t.testdir({}), url, { token, clock, logger: patient as never }));
  t.match(told, [/cannot reach the server yet, trying again: .*503/]);
});

t.test("certificates are renewed before they end", async (t) => {
  const issued = Date.now() - 300 * 24 * 3_600_000;
  const { state, url, token } = await joinServer(t, issued);
  const folder = t.testdir({});
  const identity = await joinCluster(optionsFor(folder, url, { token }));
  t.ok(validity(identity).ends > Date.now());
  const renewed = new Promise((resolve) => {
    const renewal = startRenewal({
      identity,
      server: url,
      machineId: "m1",
      folder,
      clock: systemClock,
      logger,
      onRenewed: resolve,
    });
    t.teardown(() => renewal.stop());
  });
  t.same(await renewed, loadIdentity(folder));
  t.equal(state.seen[1]!.credential, "system:node:node-1");
  t.not(loadIdentity(folder)!.client.key, identity.client.key);
});

t.test("the machine id is the host's, one given to the node, or a new one that stays", async (t) => {
  const folder = t.testdir({ etc: `${"a".repeat(32)}\n` });
  t.equal(machineId(folder, join(folder, "etc")), "a".repeat(32));
  const made = machineId(folder, join(folder, "none"));
  t.match(made, /^[0-9a-f]{32}$/);
  t.equal(machineId(folder, join(folder, "etc")), made);
  writeFileSync(join(folder, "machine-id"), "uninitialized\n");
  t.equal(machineId(folder, join(folder, "etc")), "a".repeat(32));
});
