/** Roles over real TLS: who has one may do what it says, and gives away no more. */
import t, { type Test } from "tap";
import { clusterRoles, namespaces, roleBindings, serviceAccounts } from "#api/refs.js";
import type { KeyPair } from "#apiserver/pki/certificate.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const HERE = `${RBAC}/namespaces/default`;
const maps = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;
const rule = (verbs: string[], group: string, ...resources: string[]) => ({ verbs, apiGroups: [group], resources });
const user = (name: string) => ({ kind: "User", apiGroup: "rbac.authorization.k8s.io", name });
const ref = (kind: string, name: string) => ({ kind, name, apiGroup: "rbac.authorization.k8s.io" });

class World {
  constructor(readonly api: TestServer) {}

  static async open(t: Test): Promise<World> {
    return new World(await TestServer.start(t));
  }

  async status(as: KeyPair | undefined, method: string, path: string, body?: object): Promise<number> {
    return (await this.api.call(method, path, { as, body })).status;
  }

  async make(path: string, body: object, as?: KeyPair): Promise<void> {
    const answer = await this.api.call("POST", path, { as, body });
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  }
}

t.test("a role in one namespace, and everywhere", async (t) => {
  const world = await World.open(t);
  const jane = await world.api.certificate("jane", "dev");
  const read = (namespace: string) => world.status(jane, "GET", maps(namespace));
  t.equal(await read("default"), 403);
  await world.make(`${HERE}/roles`, { metadata: { name: "reader" }, rules: [rule(["get", "list"], "", "configmaps")] });
  await world.make(`${HERE}/rolebindings`, {
    metadata: { name: "jane" },
    subjects: [user("jane")],
    roleRef: ref("Role", "reader"),
  });
  t.equal(await read("default"), 200);
  t.equal(await read("kube-system"), 403);
  t.equal(await world.status(jane, "GET", "/api/v1/configmaps"), 403);
  t.equal(await world.status(jane, "POST", maps("default"), { metadata: { name: "x" } }), 403);
  t.equal(await world.status(jane, "GET", `${maps("default")}/none`), 404, "may ask");

  const subjects = [{ kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: "dev" }];
  await world.make(`${RBAC}/clusterrolebindings`, {
    metadata: { name: "dev" },
    subjects,
    roleRef: ref("ClusterRole", "view"),
  });
  t.equal(await world.status(jane, "GET", "/api/v1/configmaps"), 200);
  t.equal(await world.status(jane, "GET", "/api/v1/secrets"), 403, "who views sees no secrets");
  t.equal(await world.status(jane, "GET", "/api/v1/nodes"), 403);
  await world.api.call("DELETE", `${RBAC}/clusterrolebindings/dev`);
  t.equal(await world.status(jane, "GET", "/api/v1/configmaps"), 403, "at once");

  const named = { ...rule(["get", "list", "watch"], "", "secrets"), resourceNames: ["one"] };
  await world.make(`${HERE}/roles`, { metadata: { name: "one" }, rules: [named] });
  await world.make(`${HERE}/rolebindings`, {
    metadata: { name: "one" },
    subjects: [user("jane")],
    roleRef: ref("Role", "one"),
  });
  const secrets = "/api/v1/namespaces/default/secrets";
  t.equal(await world.status(jane, "GET", `${secrets}/one`), 404);
  t.equal(await world.status(jane, "GET", `${secrets}/two`), 403);
  t.equal(await world.status(jane, "GET", secrets), 403);
  t.equal(await world.status(jane, "GET", `${secrets}?fieldSelector=metadata.name%3Done`), 200);
});

t.test("Pods ask by their service account", async (t) => {
  const { api } = await World.open(t);
  const client = api.rest();
  await client.create(namespaces, { metadata: { name: "robots" }, spec: {} });
  const account = await client.create(serviceAccounts, { metadata: { name: "robot", namespace: "robots" } });
  const { name, namespace } = account.metadata;
  const order = { spec: { audiences: [], expirationSeconds: 3600 } };
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const { status } = (await api.call("POST", path, { body: order })).json;
  const as = { as: null, headers: { authorization: `Bearer ${status.token}` } };
  t.equal((await api.call("GET", maps("default"), as)).status, 403);
  await client.create(roleBindings, {
    metadata: { name: "robot", namespace: "default" },
    subjects: [{ kind: "ServiceAccount", name: "robot", namespace: "robots" }],
    roleRef: ref("ClusterRole", "edit"),
  });
  t.equal((await api.call("GET", maps("default"), as)).status, 200);
  t.equal((await api.call("POST", maps("default"), { ...as, body: { metadata: { name: "made" } } })).status, 201);
  t.equal((await api.call("GET", maps("robots"), as)).status, 403);
});

t.test("nobody gives away more than he has", async (t) => {
  const world = await World.open(t);
  const { api } = world;
  const admin = await api.certificate("admin-of-default");
  await world.make(`${HERE}/rolebindings`, {
    metadata: { name: "admin" },
    subjects: [user("admin-of-default")],
    roleRef: ref("ClusterRole", "admin"),
  });
  const role = (name: string, rules: object[]) =>
    api.call("POST", `${HERE}/roles`, { as: admin, body: { metadata: { name }, rules } });
  t.equal((await role("small", [rule(["get"], "", "pods")])).status, 201);
  const large = await role("large", [rule(["*"], "*", "*")]);
  t.equal(large.status, 403);
  t.match(
    large.json.message,
    /^roles.rbac.authorization.k8s.io "large" is forbidden: user "admin-of-default" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\["\*"\], Resources:\["\*"\], Verbs:\["\*"\]\}$/,
  );
  const bind = (name: string, kind: string) =>
    api.call("POST", `${HERE}/rolebindings`, {
      as: admin,
      body: { metadata: { name }, subjects: [user("joe")], roleRef: ref(kind, name) },
    });
  t.equal((await bind("small", "Role")).status, 201);
  t.equal((await bind("view", "ClusterRole")).status, 201);
  t.equal((await bind("cluster-admin", "ClusterRole")).status, 403);
  t.equal((await bind("nowhere", "Role")).status, 404);
  await world.make(`${RBAC}/clusterroles`, {
    metadata: { name: "binder" },
    rules: [{ ...rule(["bind"], "rbac.authorization.k8s.io", "clusterroles"), resourceNames: ["cluster-admin"] }],
  });
  await world.make(`${HERE}/rolebindings`, {
    metadata: { name: "b" },
    subjects: [user("admin-of-default")],
    roleRef: ref("ClusterRole", "binder"),
  });
  t.equal((await bind("cluster-admin", "ClusterRole")).status, 201, "who may bind it does");
  const anyRole = rule(["create", "get"], "rbac.authorization.k8s.io", "clusterroles");
  await world.make(`${RBAC}/clusterroles`, { metadata: { name: "maker" }, rules: [anyRole] });
  await world.make(`${RBAC}/clusterrolebindings`, {
    metadata: { name: "m" },
    subjects: [user("admin-of-default")],
    roleRef: ref("ClusterRole", "maker"),
  });
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] };
  const sum = { metadata: { name: "sum" }, aggregationRule };
  const summed = await api.call("POST", `${RBAC}/clusterroles`, { as: admin, body: sum });
  t.match([summed.status, summed.json.message], [403, /must have cluster-admin privileges to use the aggregationRule/]);
  const body = { metadata: { name: "small" }, subjects: [user("joe")], roleRef: ref("ClusterRole", "view") };
  const moved = await api.call("PUT", `${HERE}/rolebindings/small`, { body });
  t.match([moved.status, moved.json.message], [422, /roleRef: Invalid value: .*: cannot change roleRef/]);
});

t.test("roles made of others, and what the default ones hold", async (t) => {
  const client = (await World.open(t)).api.rest();
  const resources = async (name: string) => {
    const { rules = [] } = await client.get(clusterRoles, name);
    return new Set(rules.flatMap(({ resources = [] }) => resources));
  };
  const grown = () => eventually(async () => (await resources("admin")).has("configmaps"), "the rules of admin");
  await grown();
  t.ok((await resources("admin")).has("roles"));
  t.notOk((await resources("edit")).has("roles"));
  t.ok((await resources("edit")).has("secrets"));
  t.notOk((await resources("view")).has("secrets"));
  const labels = { "rbac.authorization.k8s.io/aggregate-to-view": "true" };
  await client.create(clusterRoles, {
    metadata: { name: "more", labels },
    rules: [rule(["get"], "example.com", "things")],
  });
  await eventually(async () => (await resources("admin")).has("things"), "a part of a part");
  await client.delete(clusterRoles, "more");
  await eventually(async () => !(await resources("view")).has("things"), "and without it");
});

t.test("what is refused", async (t) => {
  const { api } = await World.open(t);
  const refused = async (path: string, body: object, message: RegExp) => {
    const answer = await api.call("POST", path, { body: { metadata: { name: "bad" }, ...body } });
    t.match([answer.status, answer.json.message], [422, message]);
  };
  await refused(`${HERE}/roles`, { rules: [{ verbs: [] }] }, /verbs must contain at least one value/);
  await refused(
    `${HERE}/roles`,
    { rules: [{ verbs: ["get"], nonResourceURLs: ["/x"] }] },
    /namespaced rules cannot apply to non-resource URLs/,
  );
  await refused(
    `${RBAC}/clusterroles`,
    { rules: [{ verbs: ["get"], apiGroups: [""] }] },
    /resource rules must supply at least one resource/,
  );
  await refused(`${RBAC}/clusterroles`, { aggregationRule: {} }, /at least one clusterRoleSelector required/);
  await refused(`${HERE}/rolebindings`, { roleRef: ref("Pod", "x") }, /roleRef.kind: Unsupported value: "Pod"/);
  await refused(
    `${RBAC}/clusterrolebindings`,
    { roleRef: ref("Role", "x") },
    /roleRef.kind: Unsupported value: "Role"/,
  );
  const subjects = [{ kind: "ServiceAccount", name: "x" }];
  await refused(
    `${RBAC}/clusterrolebindings`,
    { roleRef: ref("ClusterRole", "x"), subjects },
    /subjects\[0\].namespace: Required value/,
  );
});

for (const version of ["v32", "v35"] as const)
  t.test(`kubectl ${version}`, async (t) => {
    const { api } = await World.open(t);
    const run = async (...args: string[]) => (await api.kubectl(version, args)).stdout;
    const ok = async (...args: string[]) => {
      const { code, stdout, stderr } = await api.kubectl(version, args);
      t.equal(code, 0, stderr);
      return stdout;
    };
    await ok("create", "role", "reader", "--verb=get,list", "--resource=pods,deployments.apps");
    await ok("create", "rolebinding", "jane", "--role=reader", "--user=jane", "--serviceaccount=default:default");
    await ok("create", "clusterrolebinding", "joe", "--clusterrole=cluster-admin", "--user=joe");
    t.equal(await run("auth", "can-i", "list", "pods", "--as=jane"), "yes\n");
    t.equal(await run("auth", "can-i", "list", "pods", "--as=jane", "-n", "kube-system"), "no\n");
    t.equal(await run("auth", "can-i", "delete", "nodes", "--as=joe"), "yes\n");
    t.match(await ok("auth", "can-i", "--list", "--as=jane"), /deployments.apps +\[\] +\[\] +\[get list\]/);
    t.match(await ok("get", "rolebindings", "-o", "wide"), /jane +Role\/reader +\d+s +jane +default\/default/);
    t.match(await ok("get", "roles"), /^NAME +CREATED AT\nreader +\d{4}-\d\d-\d\dT/);
    t.match(await ok("describe", "clusterrole", "view"), /configmaps +\[\] +\[\] +\[get list watch\]/);
  });
