/** Who is let in, as whom, and what they may do: over real TLS, with good and bad credentials. */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import t from "tap";
import { secrets, serviceAccounts } from "#api/refs.js";
import { bootstrapTokenSecret, newBootstrapToken } from "#apiserver/authn/bootstrap-token.js";
import { openPki } from "#apiserver/pki/cluster-pki.js";
import { issueKeyPair } from "#apiserver/pki/issue.js";
import { type Answer, eventually, TestServer } from "#test/fixtures/api-server.js";
import { proves } from "#test/proves.js";

const PODS = "/api/v1/namespaces/default/pods";
const whoami = (answer: Answer) => answer.json.status.userInfo;
const REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const review = { body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" } };

t.test("client certificates", async (t) => {
  const api = await TestServer.start(t);
  const jane = await api.certificate("jane", "dev", "ops");
  t.match(whoami(await api.call("POST", REVIEW, { ...review, as: jane })), {
    username: "jane",
    groups: ["dev", "ops", "system:authenticated"],
  });
  const refused = await api.call("GET", PODS, { as: jane });
  t.equal(refused.status, 403);
  t.match(refused.json, {
    kind: "Status",
    reason: "Forbidden",
    message: 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
    details: { kind: "pods" },
  });
  t.equal((await api.call("GET", PODS)).status, 200, "the administrator");
  const elsewhere = await openPki(`${t.testdir()}/pki`, [], Date.now());
  t.equal((await api.call("GET", PODS, { as: elsewhere.admin })).status, 401, "the same name from another authority");
  const { authority, serving } = api.server.pki;
  t.equal((await api.call("GET", PODS, { as: serving })).status, 401, "a server's certificate is no client's");
  const subject = { commonName: "old", organizations: ["system:masters"] };
  const old = await issueKeyPair(authority, { subject, usage: "client" }, Date.now() - 400 * 86_400_000);
  t.equal((await api.call("GET", PODS, { as: old })).status, 401, "an expired one");
});

t.test("strangers get health and version only", async (t) => {
  const api = await TestServer.start(t);
  for (const path of ["/healthz", "/livez?verbose", "/readyz", "/readyz/etcd", "/version"]) {
    t.equal((await api.call("GET", path, { as: null })).status, 200, path);
  }
  for (const path of ["/", "/api", "/apis", "/openapi/v3", "/metrics", PODS, "/berth/v1/cluster", "/nonsense"]) {
    const answer = await api.call("GET", path, { as: null });
    t.equal(answer.status, 403, path);
    t.match(answer.json.message, /User "system:anonymous" cannot/);
  }
  const bad = await api.call("GET", "/healthz", { as: null, headers: { authorization: "Bearer nonsense" } });
  t.same([bad.status, bad.json.reason, bad.json.message], [401, "Unauthorized", "Unauthorized"]);
  t.equal((await api.call("GET", "/healthz", { as: null, headers: { authorization: "Basic eDp5" } })).status, 401);
});

t.test("names that strangers make up are not remembered", async (t) => {
  const api = await TestServer.start(t);
  const count = async () => (await api.call("GET", "/metrics")).text.split("\n").length;
  t.equal((await api.call("GET", "/apis/made/v1/up0", { as: null })).status, 403);
  t.equal((await api.call("GET", "/api/v1/namespaces/default/pods/a/up0", { as: null })).status, 403);
  t.equal((await api.call("GET", "/made/up0", { as: null })).status, 403);
  await count();
  const before = await count();
  for (let i = 1; i < 20; i++) {
    await api.call("GET", `/apis/made/v1/up${i}`, { as: null });
    await api.call("GET", `/api/v1/namespaces/default/pods/a/up${i}`, { as: null });
    await api.call("GET", `/made/up${i}`, { as: null });
  }
  t.equal(await count(), before);
});

t.test("a resumed TLS session carries no more than the first one had", async (t) => {
  const api = await TestServer.start(t);
  const dial = async (session?: Buffer) => {
    const { port, pki } = api.server;
    const socket = connect({ host: "127.0.0.1", port, ca: pki.authority.certificate, session });
    let ticket: Buffer | undefined;
    socket.on("session", (data) => {
      ticket = data;
    });
    await once(socket, "secureConnect");
    socket.write(`GET ${PODS} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const [data] = (await once(socket, "data")) as [Buffer];
    const reused = socket.isSessionReused();
    socket.destroy();
    return { status: data.toString().split(" ")[1], ticket, reused };
  };
  const first = await dial();
  t.equal(first.status, "403");
  t.ok(first.ticket);
  const second = await dial(first.ticket);
  t.ok(second.reused);
  t.equal(second.status, "403");
});

t.test("service account tokens live as long as their account", async (t) => {
  const api = await TestServer.start(t);
  const client = api.rest();
  await client.create(serviceAccounts, { metadata: { name: "robot", namespace: "default" } });
  const made = await client.createSubresource<{ status: { token: string } }>(
    ...([serviceAccounts, "robot", "default", "token", { spec: { audiences: [], expirationSeconds: 600 } }] as const),
  );
  const as = (token: string) => ({ as: null, headers: { authorization: `Bearer ${token}` } });
  const { token } = made.status;
  const user = whoami(await api.call("POST", REVIEW, { ...review, ...as(token) }));
  t.equal(user.username, "system:serviceaccount:default:robot");
  t.same(user.groups, ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]);
  t.equal((await api.call("GET", PODS, as(token))).status, 403);
  const [head, body, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(body!, "base64url").toString());
  t.equal(claims.iss, "https://kubernetes.default.svc.cluster.local");
  t.match(claims["kubernetes.io"], { namespace: "default", serviceaccount: { name: "robot", uid: user.uid } });
  claims.sub = "system:serviceaccount:kube-system:admin";
  const forged = [head, Buffer.from(JSON.stringify(claims)).toString("base64url"), signature].join(".");
  t.equal((await api.call("GET", PODS, as(forged))).status, 401, "changed claims");
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`;
  t.equal((await api.call("GET", PODS, as(unsigned))).status, 401, "no signature");
  const reviewed = await api.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { body: { spec: { token } } });
  t.match(reviewed.json.status, { authenticated: true, user: { username: user.username } });
  await client.delete(serviceAccounts, "robot", "default");
  t.equal((await api.call("GET", PODS, as(token))).status, 401, "the account is gone");
  await client.create(serviceAccounts, { metadata: { name: "robot", namespace: "default" } });
  t.equal((await api.call("GET", PODS, as(token))).status, 401, "one of the same name is another");
});

t.test("what somebody may do is asked, anywhere or in one namespace", async (t) => {
  proves(t, "[sig-auth] SubjectReview should support SubjectReview API operations [Conformance]");
  const api = await TestServer.start(t);
  const ask = async (path: string, spec: object) => {
    const answer = await api.call("POST", `/apis/authorization.k8s.io/v1/${path}`, { body: { spec } });
    return answer.status === 201 ? answer.json.status.allowed : answer.status;
  };
  const listing = (namespace: string) => ({ verb: "list", resource: "configmaps", namespace });
  const robot = { user: "system:serviceaccount:default:robot", groups: ["system:serviceaccounts"] };
  const master = { user: "root", groups: ["system:masters"] };
  t.equal(await ask("subjectaccessreviews", { ...robot, resourceAttributes: listing("default") }), false);
  t.equal(await ask("subjectaccessreviews", { ...master, resourceAttributes: listing("default") }), true);
  const local = "namespaces/default/localsubjectaccessreviews";
  t.equal(await ask(local, { ...robot, resourceAttributes: listing("default") }), false);
  t.equal(await ask(local, { ...master, resourceAttributes: listing("default") }), true);
  t.equal(await ask(local, { ...master, resourceAttributes: listing("kube-system") }), 400, "of another one");
  t.equal(await ask(local, { ...master, nonResourceAttributes: { verb: "get", path: "/version" } }), 400);
  const { resources } = (await api.call("GET", "/apis/authorization.k8s.io/v1")).json;
  const kind = resources.find(({ name }: { name: string }) => name === "localsubjectaccessreviews");
  t.match(kind, { kind: "LocalSubjectAccessReview", namespaced: true, verbs: ["create"] });
});

t.test("bootstrap tokens open the join, and end", async (t) => {
  const api = await TestServer.start(t);
  const client = api.rest();
  const store = async (expires?: number) => {
    const token = newBootstrapToken();
    await client.create(secrets, bootstrapTokenSecret(token, expires));
    return { ...token, as: null, headers: { authorization: `Bearer ${token.id}.${token.secret}` } };
  };
  const good = await store(Date.now() + 60_000);
  const cluster = await api.call("GET", "/berth/v1/cluster", good);
  t.same(cluster.json.podCIDRs, ["10.244.0.0/16"]);
  t.equal((await api.call("GET", PODS, good)).status, 403);
  t.equal((await api.call("GET", "/berth/v1/cluster", await store(Date.now() - 1000))).status, 401, "expired");
  const wrong = { as: null, headers: { authorization: `Bearer ${good.id}.0000000000000000` } };
  t.equal((await api.call("GET", "/berth/v1/cluster", wrong)).status, 401);
  await client.delete(secrets, `bootstrap-token-${good.id}`, "kube-system");
  t.equal((await api.call("GET", "/berth/v1/cluster", good)).status, 401, "withdrawn");
});

t.test("administrators may act as others, others may not", async (t) => {
  const api = await TestServer.start(t);
  const as = { "impersonate-user": "jane", "impersonate-group": ["dev", "ops"] };
  t.match(whoami(await api.call("POST", REVIEW, { ...review, headers: as })), {
    username: "jane",
    groups: ["dev", "ops"],
  });
  t.equal((await api.call("GET", PODS, { headers: { "impersonate-user": "jane" } })).status, 403);
  const jane = await api.certificate("jane");
  const refused = await api.call("GET", "/api", { as: jane, headers: { "impersonate-user": "root" } });
  t.match(refused.json.message, /users "root" is forbidden: User "jane" cannot impersonate resource "users"/);
  const groups = await api.call("GET", "/api", { as: jane, headers: { "impersonate-group": "system:masters" } });
  t.equal(groups.status, 403);
});

t.test("upgrades pass the same chain", async (t) => {
  const api = await TestServer.start(t);
  const upgrade = async (path: string, extra = "") => {
    const { port, pki } = api.server;
    const socket: TLSSocket = connect({ host: "127.0.0.1", port, ca: pki.authority.certificate });
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${extra}\r\n`,
    );
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    await once(socket, "close");
    return { status: Number(text.split(" ")[1]), body: JSON.parse(text.slice(text.indexOf("\r\n\r\n"))) };
  };
  const exec = "/api/v1/namespaces/default/pods/x/exec?command=ls&stdout=true";
  const anonymous = await upgrade(exec);
  t.equal(anonymous.status, 403);
  t.match(anonymous.body.message, /cannot create resource "pods\/exec" in API group ""/);
  t.equal((await upgrade(exec, "Authorization: Bearer nonsense\r\n")).status, 401);
  t.equal((await upgrade("/version")).status, 400);
});

t.test("a node sees what is its own", async (t) => {
  const api = await TestServer.start(t);
  const node = await api.certificate("system:node:n1", "system:nodes");
  const create = (name: string) => api.call("POST", "/api/v1/nodes", { as: node, body: { metadata: { name } } });
  t.equal((await create("n2")).status, 403);
  t.equal((await create("n1")).status, 201);
  t.equal((await api.call("GET", "/api/v1/pods", { as: node })).status, 403);
  t.equal((await api.call("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", { as: node })).status, 200);
  t.equal((await api.call("GET", "/api/v1/namespaces/kube-system/secrets", { as: node })).status, 403);
  t.equal((await api.call("GET", "/api/v1/namespaces/default/secrets/s", { as: node })).status, 403);
  await api.call("POST", "/api/v1/namespaces/default/secrets", { body: { metadata: { name: "s" } } });
  await eventually(
    async () =>
      (await api.call("GET", "/api/v1/namespaces/default/serviceaccounts/default")).status === 200 ? true : undefined,
    "the default service account",
  );
  const pod = {
    metadata: { name: "p" },
    spec: { nodeName: "n1", containers: [{ name: "c", image: "i", envFrom: [{ secretRef: { name: "s" } }] }] },
  };
  t.equal((await api.call("POST", PODS, { body: pod })).status, 201);
  t.equal((await api.call("GET", "/api/v1/namespaces/default/secrets/s", { as: node })).status, 200);
  const other = await api.certificate("system:node:n2", "system:nodes");
  t.equal((await api.call("GET", "/api/v1/namespaces/default/secrets/s", { as: other })).status, 403);
});
