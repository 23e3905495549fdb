/** Server-side apply, as https://kubernetes.io/docs/reference/using-api/server-side-apply/ tells it. */
import t from "tap";
import type { ManagedFieldsEntry } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { configMaps, deployments, pods } from "#api/refs.js";
import type { ClientVersion } from "#scripts/lab/kubectl.js";
import { TestServer } from "#test/fixtures/api-server.js";
import { eventually } from "#test/fixtures/control-plane.js";

const api = await TestServer.start(t);
const client = api.rest();

const apps = "/apis/apps/v1/namespaces/default/deployments";
const core = "/api/v1/namespaces/default";

async function apply(path: string, manager: string, body: object | string, query = "") {
  const headers = { "Content-Type": "application/apply-patch+yaml" };
  const answer = await api.call("PATCH", `${path}?fieldManager=${manager}${query}`, { body, headers });
  return { status: answer.status, object: answer.json as KubeObject & Record<string, unknown>, text: answer.text };
}

const container = (name: string, more: object = {}) => ({ name, image: "nginx:1", ...more });
const deployment = (name: string, spec: object, podSpec: object, metadata: object = {}) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, ...metadata },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: podSpec },
    ...spec,
  },
});
const configMap = (name: string, data?: object, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...metadata },
  data,
});
const entryOf = ({ metadata }: KubeObject, manager: string, operation = "Apply") =>
  metadata.managedFields?.find(
    (entry: ManagedFieldsEntry) => entry.manager === manager && entry.operation === operation,
  );

t.test("makes what is not there, and owns just what it names", async (t) => {
  const wanted = deployment(
    "made",
    { replicas: 0 },
    { containers: [container("web", { ports: [{ containerPort: 80 }] })] },
  );
  const { status, object } = await apply(`${apps}/made`, "one", wanted);
  t.equal(status, 201);
  t.match(
    object,
    { metadata: { generation: 1, uid: /./ }, spec: { strategy: { type: "RollingUpdate" } } },
    "defaulted",
  );
  t.same(object.metadata.managedFields?.length, 1);
  t.match(entryOf(object, "one"), { apiVersion: "apps/v1", fieldsType: "FieldsV1", time: /Z$/ });
  t.same(entryOf(object, "one")?.fieldsV1, {
    "f:spec": {
      "f:replicas": {},
      "f:selector": {},
      "f:template": {
        "f:metadata": { "f:labels": { "f:app": {} } },
        "f:spec": {
          "f:containers": {
            'k:{"name":"web"}': {
              ".": {},
              "f:name": {},
              "f:image": {},
              "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
            },
          },
        },
      },
    },
  });
  // The Deployment's controller writes too: at some time it has written what it has to.
  const twice = async () => {
    const before = (await api.call("GET", `${apps}/made`)).json;
    return { before, again: await apply(`${apps}/made`, "one", wanted) };
  };
  const version = ({ metadata }: KubeObject) => metadata.resourceVersion;
  const { before, again } = await eventually(
    "nothing changes",
    twice,
    (read) => version(read.before) === version(read.again.object),
  );
  t.equal(again.status, 200);
  t.same(again.object, before, "the same again changes nothing, no resourceVersion either");
});

t.test("what a manager does not name any more goes, what others own stays", async (t) => {
  const path = `${core}/configmaps/shared`;
  await apply(path, "one", configMap("shared", { a: "1", b: "1", c: "1" }, { labels: { x: "1", y: "1" } }));
  const second = await apply(path, "two", configMap("shared", { b: "1", d: "2" }, { labels: { y: "1" } }));
  t.match(second.object["data"], { a: "1", b: "1", c: "1", d: "2" }, "nothing was taken away");
  const third = await apply(path, "one", configMap("shared", { c: "2" }));
  t.same(third.object["data"], { b: "1", c: "2", d: "2" });
  t.same(third.object.metadata.labels, { y: "1" });
  t.same(entryOf(third.object, "one")?.fieldsV1, { "f:data": { "f:c": {} } });
  const last = await apply(path, "two", configMap("shared"));
  t.same(last.object["data"], { c: "2" });
  t.equal(last.object.metadata.labels, undefined);
  t.equal(entryOf(last.object, "two"), undefined, "who owns nothing is forgotten");
});

t.test("lists: elements have owners, and their order is the configuration's", async (t) => {
  const path = `${apps}/lists`;
  const names = ({ object }: Awaited<ReturnType<typeof apply>>) =>
    (
      object as unknown as ReturnType<typeof deployment> & {
        spec: { template: { spec: { containers: { name: string }[] } } };
      }
    ).spec.template.spec.containers.map(({ name }) => name);
  const of = (...list: object[]) => deployment("lists", { replicas: 0 }, { containers: list });
  await apply(path, "one", of(container("a"), container("b")));
  t.same(names(await apply(path, "two", of(container("new"), container("b")))), ["a", "new", "b"]);
  const swapped = await apply(path, "one", of(container("b"), container("a", { env: [{ name: "E", value: "1" }] })));
  t.same(names(swapped), ["new", "b", "a"]);
  const left = await apply(path, "one", of(container("b")));
  t.same(names(left), ["new", "b"], "a was only one's");
  const sidecar = await apply(path, "two", of(container("new")));
  t.same(names(sidecar), ["new", "b"], "b is still one's");
  const finalizers = await apply(
    `${core}/configmaps/set`,
    "one",
    configMap("set", {}, { finalizers: ["e.org/a", "e.org/b"] }),
  );
  t.same(finalizers.object.metadata.finalizers, ["e.org/a", "e.org/b"]);
  t.same(entryOf(finalizers.object, "one")?.fieldsV1, {
    "f:metadata": { "f:finalizers": { 'v:"e.org/a"': {}, 'v:"e.org/b"': {} } },
    "f:data": {},
  });
  const fewer = await apply(`${core}/configmaps/set`, "one", configMap("set", {}, { finalizers: ["e.org/b"] }));
  t.same(fewer.object.metadata.finalizers, ["e.org/b"]);
  await apply(`${core}/configmaps/set`, "one", configMap("set", {}));
});

t.test(
  "a field that others own is a conflict, told in Kubernetes' words, unless it is forced or the same",
  async (t) => {
    const path = `${apps}/owned`;
    const of = (replicas: number, image = "nginx:1") =>
      deployment("owned", { replicas }, { containers: [{ name: "web", image }] });
    await apply(path, "one", of(0));
    t.equal((await apply(path, "two", of(0))).status, 200, "the same value is shared");
    const refused = await apply(path, "one", of(1));
    t.equal(refused.status, 409);
    t.match(refused.object, {
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "two": .spec.replicas',
      details: {
        causes: [{ reason: "FieldManagerConflict", message: 'conflict with "two"', field: ".spec.replicas" }],
      },
    });
    const patch = { type: "application/merge-patch+json", body: { spec: { minReadySeconds: 3 } } } as const;
    await client.patch(deployments, "owned", patch, { namespace: "default" });
    const both = deployment(
      "owned",
      { replicas: 1, minReadySeconds: 4 },
      { containers: [{ name: "web", image: "nginx:2" }] },
    );
    t.equal(
      (await apply(path, "one", both)).object["message"],
      'Apply failed with 3 conflicts: conflicts with "berth-test" using apps/v1:\n- .spec.minReadySeconds\n' +
        'conflicts with "two":\n- .spec.replicas\n- .spec.template.spec.containers[name="web"].image',
    );
    t.equal((await client.get(deployments, "owned", "default")).spec.replicas, 0, "nothing was written");
    const forced = await apply(path, "one", both, "&force=true");
    t.match([forced.status, forced.object["spec"]], [200, { replicas: 1, minReadySeconds: 4 }]);
    t.equal(entryOf(forced.object, "berth-test", "Update"), undefined);
    t.notMatch(entryOf(forced.object, "two")?.fieldsV1, { "f:spec": { "f:replicas": {} } });
    await apply(path, "two", of(1, "nginx:2"));
    const gone = await apply(
      path,
      "one",
      deployment("owned", {}, { containers: [container("web", { image: "nginx:2" })] }),
    );
    t.match(gone.object["spec"], { replicas: 1 }, "two wants it still");
    t.equal((gone.object["spec"] as { minReadySeconds?: number }).minReadySeconds, undefined);
  },
);

t.test("fields set before anyone applied are somebody's", async (t) => {
  const made = await client.create(configMaps, { metadata: { name: "old", namespace: "default" }, data: { a: "1" } });
  await client.update(configMaps, { ...made, metadata: { ...made.metadata, managedFields: [{}] } });
  const refused = await apply(`${core}/configmaps/old`, "one", configMap("old", { a: "2" }));
  t.equal(
    refused.object["message"],
    'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a',
  );
  const taken = await apply(`${core}/configmaps/old`, "one", configMap("old", { a: "2" }), "&force=true");
  t.same(taken.object["data"], { a: "2" });
});

t.test("the status has managers of its own", async (t) => {
  const name = "status";
  await client.create(pods, { metadata: { name, namespace: "default" }, spec: { containers: [container("c")] } });
  const path = `${core}/pods/${name}`;
  const status = { conditions: [{ type: "example.com/ok", status: "True" }] };
  const body = { apiVersion: "v1", kind: "Pod", metadata: { name, labels: { no: "label" } }, status };
  const own = ({ object }: Awaited<ReturnType<typeof apply>>) =>
    (object["status"] as { conditions?: { type: string }[] }).conditions?.find(({ type }) => type === "example.com/ok");
  const written = await apply(`${path}/status`, "one", body);
  t.match(own(written), status.conditions[0]);
  t.equal(written.object.metadata.labels, undefined);
  const key = 'k:{"type":"example.com/ok"}';
  t.match(entryOf(written.object, "one"), {
    subresource: "status",
    fieldsV1: { "f:status": { "f:conditions": { [key]: { ".": {}, "f:type": {}, "f:status": {} } } } },
  });
  const main = await apply(path, "one", { ...body, status: { phase: "Failed" } });
  t.match(main.object, { metadata: { labels: { no: "label" } }, status: { phase: "Pending" } });
  t.ok(own(main));
  t.equal((await apply(`${core}/pods/nobody/status`, "one", { ...body, metadata: { name: "nobody" } })).status, 404);
  const withdrawn = await apply(`${path}/status`, "one", { ...body, status: {} });
  t.equal(own(withdrawn), undefined);
});

t.test("bad input", async (t) => {
  const path = `${core}/configmaps/bad`;
  const bad = configMap("bad", { a: "1" });
  const send = async (body: object | string, query = "?fieldManager=one", type = "application/apply-patch+yaml") => {
    const { status, json } = await api.call("PATCH", `${path}${query}`, { body, headers: { "Content-Type": type } });
    return [status, (json as { message: string }).message];
  };
  t.match(await send(bad, ""), [422, /fieldManager: Required value: is required for apply patch/]);
  t.match(await send({}, "?force=true", "application/merge-patch+json"), [
    422,
    /force: Forbidden: may not be specified for non-apply patch/,
  ]);
  t.match(await send({ metadata: { name: "bad" } }), [400, /'Kind' is missing/]);
  t.match(await send({ ...bad, apiVersion: "v2" }), [400, /does not match the expected API version/]);
  t.match(await send("data: [ unclosed"), [400, /yaml/]);
  t.match(await send(configMap("other", {})), [400, /name of the object \(other\) does not match the name on the URL/]);
  t.match(await send(configMap("bad", {}, { managedFields: [] })), [400, /metadata\.managedFields must be nil/]);
  t.match(await send(configMap("bad", {}, { uid: "not-there" })), [409, /uid mismatch/]);
  t.match(await send({ ...bad, dato: {} }), [
    500,
    "failed to create typed patch object (/bad; v1, Kind=ConfigMap): .dato: field not declared in schema",
  ]);
  t.match(await send({ ...bad, data: ["a"] }), [500, /failed to create typed patch object .* cannot unmarshal array/]);
  t.match(
    await send(
      `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"bad"},"data":{"a":"1","a":"2"}}`,
      "?fieldManager=one&fieldValidation=Strict",
    ),
    [400, /duplicate field "data\.a"/],
  );
  t.match(
    (await apply(`${apps}/twice`, "one", deployment("twice", {}, { containers: [container("a"), container("a")] })))
      .text,
    /\.spec\.template\.spec\.containers: duplicate entries for key \[name=\\"a\\"\]/,
  );
  t.match(
    (await apply(`${apps}/keyless`, "one", deployment("keyless", {}, { containers: [{ image: "a" }] }))).text,
    /containers: element 0: associative list with keys has an element that omits all key fields \[\\"name\\"\]/,
  );
  t.match(
    (await apply(`${apps}/invalid`, "one", deployment("invalid", { replicas: -1 }, { containers: [container("a")] })))
      .object,
    {
      code: 422,
      reason: "Invalid",
      details: { causes: [{ field: "spec.replicas" }] },
    },
  );
  t.equal((await api.call("GET", path)).status, 404, "nothing was made");
  const dry = await apply(path, "one", bad, "&dryRun=All");
  t.match([dry.status, dry.object["data"]], [201, { a: "1" }]);
  t.equal((await api.call("GET", path)).status, 404, "nor by a dry run");
  const yaml = await apply(path, "one", 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\ndata:\n  a: "1"\n');
  t.match([yaml.status, yaml.object["data"]], [201, { a: "1" }]);
});

t.test("many who apply at once lose nothing", async (t) => {
  const path = `${core}/configmaps/busy`;
  const writers = Array.from({ length: 5 }, (_, i) => `m${i}`);
  const answers = await Promise.all(writers.map((name) => apply(path, name, configMap("busy", { [name]: "1" }))));
  t.same(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 201]);
  t.same(Object.keys((await client.get(configMaps, "busy", "default")).data ?? {}).sort(), writers);
});

for (const version of ["v32", "v35"] satisfies ClientVersion[]) {
  t.test(`kubectl ${version} apply --server-side`, async (t) => {
    const name = `by-${version}`;
    const input = (replicas: number) =>
      JSON.stringify(deployment(name, { replicas }, { containers: [container("web")] }));
    const kubectl = (args: string, input?: string) => api.kubectl(version, args.split(" "), input);
    const ssa = (replicas: number, more = "") => kubectl(`apply --server-side -f -${more}`, input(replicas));
    t.match((await ssa(0)).stdout, /serverside-applied/);
    await kubectl(`scale deploy ${name} --replicas=2`);
    const refused = await ssa(0);
    t.match(
      [refused.code, refused.stderr],
      [
        1,
        /Apply failed with 1 conflict: conflict with "kubectl\S*" with subresource "scale" using apps\/v1: \.spec\.replicas/,
      ],
    );
    t.match(await kubectl("diff --server-side --force-conflicts -f -", input(1)), {
      code: 1,
      stdout: /- {2}replicas: 2\n\+ {2}replicas: 1/,
    });
    t.equal((await ssa(1, " --force-conflicts")).code, 0);
    t.equal((await client.get(deployments, name, "default")).spec.replicas, 1);

    // From apply on the client's side to the server's, and back.
    const own = (data: object) => JSON.stringify(configMap(`moved-${version}`, data));
    const data = async () => (await client.get(configMaps, `moved-${version}`, "default")).data;
    await kubectl("apply -f -", own({ a: "1", b: "1" }));
    const moved = await kubectl("apply --server-side -f -", own({ a: "2" }));
    t.equal(moved.code, 0, moved.stderr);
    t.same(await data(), { a: "2" }, "the server knows what was applied before");
    const back = await kubectl("apply -f -", own({ c: "3" }));
    t.equal(back.code, 0, back.stderr);
    t.same(await data(), { c: "3" });
  });
}
