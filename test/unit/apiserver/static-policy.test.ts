import t from "tap";
import type { AccessRequest } from "#apiserver/authz/access.js";
import { denial } from "#apiserver/authz/denial.js";
import { restrictNode } from "#apiserver/authz/node-restriction.js";
import { staticPolicy } from "#apiserver/authz/static-policy.js";
import { requestInfo } from "#apiserver/request-info.js";
import { readerOf } from "#test/fixtures/object-reader.js";

const pod = (name: string, nodeName: string | undefined, spec: object = {}) => ({
  kind: "Pod",
  metadata: { name, namespace: "a", uid: `uid-${name}` },
  spec: { nodeName, serviceAccountName: "default", containers: [{ name: "c" }], ...spec },
});
const mine = pod("mine", "n1", {
  imagePullSecrets: [{ name: "pull" }],
  volumes: [
    { name: "v", secret: { secretName: "volume" } },
    { name: "d", persistentVolumeClaim: { claimName: "data" } },
    { name: "s", ephemeral: { volumeClaimTemplate: { spec: {} } } },
    { name: "p", projected: { sources: [{ configMap: { name: "projected" } }] } },
  ],
  initContainers: [{ name: "i", env: [{ name: "E", valueFrom: { secretKeyRef: { name: "env", key: "k" } } }] }],
  containers: [{ name: "c", envFrom: [{ configMapRef: { name: "from" } }] }],
});
const other = pod("other", "n2", { volumes: [{ name: "v", secret: { secretName: "foreign" } }] });
const volume = (name: string, node: string, more: object = {}) => ({
  kind: "PersistentVolume",
  metadata: { name, uid: name, labels: { "berth.dev/local-node": node }, ...more },
});
const going = { deletionTimestamp: "2026-01-01T00:00:00Z" };
const volumes = [volume("going", "n1", going), volume("staying", "n1"), volume("foreign", "n2", going)];
const reader = readerOf(mine, other, pod("free", undefined), ...volumes);
const authorize = staticPolicy(reader);

const node = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
const person = { name: "jane", groups: ["system:authenticated"] };
const anonymous = { name: "system:anonymous", groups: ["system:unauthenticated"] };

function access(user: AccessRequest["user"], method: string, url: string): AccessRequest {
  const { verb, path, resource, query } = requestInfo(method, url);
  return {
    user,
    verb,
    path,
    resource: resource && { ...resource, fieldSelector: query.get("fieldSelector") ?? undefined },
  };
}
const may = (user: AccessRequest["user"], method: string, url: string) => authorize(access(user, method, url)).allowed;

t.test("a node may do what is its own", async (t) => {
  for (const [method, url] of [
    ["GET", "/api/v1/nodes/n1"],
    ["GET", "/api/v1/nodes?watch=1"],
    ["POST", "/api/v1/nodes"],
    ["PATCH", "/api/v1/nodes/n1/status"],
    ["GET", "/api/v1/services?watch=1"],
    ["GET", "/apis/discovery.k8s.io/v1/endpointslices"],
    ["GET", "/apis/networking.k8s.io/v1/networkpolicies?watch=1"],
    ["GET", "/apis/policy.berth.dev/v1/podpeers?watch=1"],
    ["PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1"],
    ["POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"],
    ["GET", "/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1"],
    ["GET", "/api/v1/namespaces/a/pods/mine"],
    ["GET", "/api/v1/namespaces/a/pods/gone"],
    ["PATCH", "/api/v1/namespaces/a/pods/mine/status"],
    ["DELETE", "/api/v1/namespaces/a/pods/mine"],
    ["GET", "/api/v1/namespaces/a/persistentvolumeclaims/data"],
    ["GET", "/api/v1/namespaces/a/persistentvolumeclaims/mine-s"],
    ["GET", "/api/v1/persistentvolumes?watch=1"],
    ["PATCH", "/api/v1/persistentvolumes/going"],
    ["POST", "/api/v1/namespaces/a/events"],
    ["PATCH", "/api/v1/namespaces/a/events/e"],
    ...["pull", "volume", "env"].map((name) => ["GET", `/api/v1/namespaces/a/secrets/${name}`]),
    ...["projected", "from"].map((name) => ["GET", `/api/v1/namespaces/a/configmaps/${name}`]),
    ["GET", "/api/v1/namespaces/a/configmaps?watch=1&fieldSelector=metadata.name%3Dfrom"],
    ["POST", "/api/v1/namespaces/a/serviceaccounts/default/token"],
  ]) {
    t.ok(may(node, method!, url!), `${method} ${url}`);
  }
});

t.test("and nothing that is another's", async (t) => {
  for (const [method, url] of [
    ["PATCH", "/api/v1/nodes/n2/status"],
    ["DELETE", "/api/v1/nodes/n1"],
    ["PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2"],
    ["GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/n1"],
    ["GET", "/api/v1/pods"],
    ["GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2"],
    ["GET", "/api/v1/pods?fieldSelector=spec.nodeName!%3Dn1"],
    ["GET", "/api/v1/namespaces/a/pods/other"],
    ["GET", "/api/v1/namespaces/a/pods/free"],
    ["PATCH", "/api/v1/namespaces/a/pods/other/status"],
    ["PATCH", "/api/v1/namespaces/a/pods/mine"],
    ["DELETE", "/api/v1/namespaces/a/pods/other"],
    ["DELETE", "/api/v1/namespaces/a/pods?fieldSelector=spec.nodeName%3Dn1"],
    ["GET", "/api/v1/namespaces/a/pods/mine/exec"],
    ["GET", "/api/v1/namespaces/a/secrets"],
    ["GET", "/api/v1/namespaces/a/secrets/foreign"],
    ["GET", "/api/v1/namespaces/b/secrets/volume"],
    ["PATCH", "/api/v1/namespaces/a/configmaps/from"],
    ["GET", "/api/v1/namespaces/a/persistentvolumeclaims"],
    ["GET", "/api/v1/namespaces/a/persistentvolumeclaims/other-s"],
    ["PATCH", "/api/v1/namespaces/a/persistentvolumeclaims/data"],
    ["PATCH", "/api/v1/persistentvolumes/staying"],
    ["PATCH", "/api/v1/persistentvolumes/foreign"],
    ["PATCH", "/api/v1/persistentvolumes/going/status"],
    ["DELETE", "/api/v1/persistentvolumes/going"],
    ["POST", "/api/v1/namespaces/a/serviceaccounts/else/token"],
    ["GET", "/apis/apps/v1/deployments"],
    ["PATCH", "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies/p"],
    ["DELETE", "/apis/policy.berth.dev/v1/namespaces/a/podpeers/mine"],
    ["GET", "/metrics"],
  ]) {
    t.notOk(may(node, method!, url!), `${method} ${url}`);
  }
});

t.test("a node's creations carry its own name", async (t) => {
  const create = (url: string, body: object) =>
    restrictNode(node, requestInfo("POST", url), Buffer.from(JSON.stringify(body)), reader);
  const token = (ref?: object) =>
    create("/api/v1/namespaces/a/serviceaccounts/default/token", { spec: { boundObjectRef: ref } });
  create("/api/v1/nodes", { metadata: { name: "n1" } });
  t.throws(() => create("/api/v1/nodes", { metadata: { name: "n2" } }), { code: 403 });
  t.throws(() => create("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", {}), { code: 403 });
  create("/api/v1/namespaces/a/events", { metadata: { name: "e" } });
  const mirror = { metadata: { name: "m", annotations: { "kubernetes.io/config.mirror": "hash" } } };
  const pod = (spec: object, metadata: object = mirror.metadata) =>
    create("/api/v1/namespaces/a/pods", { metadata, spec });
  pod({ nodeName: "n1", containers: [] });
  t.throws(() => pod({ nodeName: "n1" }, { name: "m" }), /only create mirror pods/);
  const data = { volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }] };
  t.throws(() => pod({ nodeName: "n1", ...data }), /can not create pods that reference persistentvolumeclaims/);
  t.throws(() => pod({ nodeName: "n2" }), /nodeName set to itself/);
  t.throws(() => pod({ nodeName: "n1", serviceAccountName: "default" }), /service account/);
  t.throws(() => pod({ nodeName: "n1", volumes: [{ name: "v", secret: { secretName: "s" } }] }), /secrets/);
  token({ kind: "Pod", name: "mine", uid: "uid-mine" });
  t.throws(() => token(), /not bound to a pod/);
  t.throws(() => token({ kind: "Pod", name: "other", uid: "uid-other" }), /different node/);
});

t.test("people get discovery, strangers health; refusals read as Kubernetes'", async (t) => {
  t.ok(may({ name: "root", groups: ["system:masters"] }, "DELETE", "/api/v1/nodes/n1"));
  for (const path of ["/api", "/apis/apps/v1", "/openapi/v3", "/version"]) t.ok(may(person, "GET", path), path);
  t.ok(may(person, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"));
  for (const path of ["/healthz", "/livez", "/readyz/ping", "/version"]) t.ok(may(anonymous, "GET", path), path);
  for (const path of ["/", "/api", "/openapi/v3", "/metrics", "/healthzz"]) t.notOk(may(anonymous, "GET", path), path);
  t.notOk(may(person, "POST", "/berth/v1/join"));
  const words = (url: string) => denial(access(person, "GET", url)).message;
  t.equal(
    words("/api/v1/namespaces/default/pods"),
    'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
  );
  t.equal(
    words("/apis/apps/v1/deployments"),
    'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" at the cluster scope',
  );
  t.equal(
    words("/api/v1/namespaces/a/pods/x/log"),
    'pods "x" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "a"',
  );
  t.equal(words("/foo"), 'forbidden: User "jane" cannot get path "/foo"');
});
