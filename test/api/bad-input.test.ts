/** What the API answers to requests that are wrong: code, reason, causes; and that nothing of them stays. */
import t, { type Test } from "tap";
import { configMaps, pods } from "#api/refs.js";
import { type Answer, eventually, TestServer } from "#test/fixtures/api-server.js";

const PODS = "/api/v1/namespaces/default/pods";
const MAPS = "/api/v1/namespaces/default/configmaps";
const pod = (spec: object, name = "p") => ({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec });
const good = { containers: [{ name: "c", image: "i" }] };

function refused(t: Test, answer: Answer, code: number, reason: string, words: RegExp, field?: string) {
  t.equal(answer.status, code, `${words}`);
  t.match(answer.json, { kind: "Status", apiVersion: "v1", status: "Failure", code, reason });
  t.match(answer.json.message, words);
  if (field)
    t.ok(
      answer.json.details.causes.some((cause: { field: string }) => cause.field === field),
      field,
    );
}

t.test("bad objects", async (t) => {
  const api = await TestServer.start(t);
  const account = "/api/v1/namespaces/default/serviceaccounts/default";
  await eventually(async () => ((await api.call("GET", account)).status === 200 ? true : undefined), "default account");
  const post = (body: unknown, query = "", headers = {}) => api.call("POST", PODS + query, { body, headers });
  const strict = "?fieldValidation=Strict";
  const invalid = (body: object, words: RegExp, field: string) =>
    post(body).then((answer) => refused(t, answer, 422, "Invalid", words, field));

  refused(
    t,
    await post(pod({ ...good, hostNetwrok: true }), strict),
    400,
    "BadRequest",
    /unknown field "spec\.hostNetwrok"/,
  );
  refused(t, await post(pod({ containers: "c" })), 400, "BadRequest", /containers/);
  refused(
    t,
    await post(pod({ containers: [{ name: "c", image: "i", ports: [{ containerPort: "x" }] }] })),
    400,
    "BadRequest",
    /containerPort/,
  );
  await invalid(pod({}), /spec\.containers: Required value/, "spec.containers");
  await invalid(
    pod({ containers: [{ image: "i" }] }),
    /spec\.containers\[0\]\.name: Required value/,
    "spec.containers[0].name",
  );
  await invalid(
    pod(good, "Bad_Name"),
    /metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/,
    "metadata.name",
  );
  await invalid(
    pod({
      containers: [
        { name: "c", image: "i" },
        { name: "c", image: "i" },
      ],
    }),
    /spec\.containers\[1\]\.name: Duplicate value: "c"/,
    "spec.containers[1].name",
  );
  refused(t, await post({ ...pod(good), kind: "Service" }), 400, "BadRequest", /Service/);
  refused(
    t,
    await post({ ...pod(good), metadata: { name: "p", namespace: "other" } }),
    400,
    "BadRequest",
    /does not match the namespace/,
  );
  refused(t, await post("{broken"), 400, "BadRequest", /./);
  refused(t, await post("a: [", "", { "content-type": "application/yaml" }), 400, "BadRequest", /./);
  refused(t, await post("x", "", { "content-type": "text/plain" }), 415, "UnsupportedMediaType", /./);
  refused(
    t,
    await post("x", "", { "content-type": "application/vnd.kubernetes.protobuf" }),
    400,
    "BadRequest",
    /protobuf/,
  );
  refused(t, await post(""), 400, "BadRequest", /./);
  const missing = await api.call("POST", "/api/v1/namespaces/nowhere/pods", { body: pod(good) });
  refused(t, missing, 404, "NotFound", /namespaces "nowhere" not found/);
  const big = { ...pod(good), metadata: { name: "p", annotations: { a: "x".repeat(4_000_000) } } };
  refused(t, await post(big), 413, "RequestEntityTooLarge", /limit is 3145728/);
  const { items } = await api.rest().list(pods);
  t.same(items, [], "nothing of it is stored");
  t.equal((await post(pod(good), "?dryRun=All")).status, 201);
  t.equal((await api.call("GET", `${PODS}/p`)).status, 404, "neither is a dry run");
});

t.test("bad changes", async (t) => {
  const api = await TestServer.start(t);
  const client = api.rest();
  const made = await client.create(configMaps, { metadata: { name: "c", namespace: "default" }, data: { a: "1" } });
  await client.update(configMaps, { ...made, data: { a: "2" } });
  const stale = await api.call("PUT", `${MAPS}/c`, { body: { ...made, data: { a: "3" } } });
  refused(t, stale, 409, "Conflict", /Operation cannot be fulfilled on configmaps "c": the object has been modified/);
  const again = await api.call("POST", MAPS, { body: { metadata: { name: "c" } } });
  refused(t, again, 409, "AlreadyExists", /configmaps "c" already exists/);
  const renamed = await api.call("PUT", `${MAPS}/c`, { body: { metadata: { name: "d" } } });
  refused(t, renamed, 400, "BadRequest", /name of the object \(d\) does not match the name on the URL \(c\)/);
  const patch = (type: string, body: string) =>
    api.call("PATCH", `${MAPS}/c`, { body, headers: { "content-type": type } });
  refused(t, await patch("application/merge-patch+json", "[1]"), 400, "BadRequest", /./);
  refused(t, await patch("application/json-patch+json", '[{"op":"remove","path":"/data/x"}]'), 422, "Invalid", /./);
  refused(t, await patch("text/x", "{}"), 415, "UnsupportedMediaType", /./);
  t.same((await client.get(configMaps, "c", "default")).data, { a: "2" });

  const deployment = {
    metadata: { name: "d" },
    spec: { selector: { matchLabels: { a: "b" } }, template: { metadata: { labels: { a: "b" } }, spec: good } },
  };
  const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
  t.equal((await api.call("POST", DEPLOYMENTS, { body: deployment })).status, 201);
  const selector = JSON.stringify({
    spec: { selector: { matchLabels: { a: "c" } }, template: { metadata: { labels: { a: "c" } } } },
  });
  const immutable = await api.call("PATCH", `${DEPLOYMENTS}/d`, {
    body: selector,
    headers: { "content-type": "application/merge-patch+json" },
  });
  refused(t, immutable, 422, "Invalid", /spec\.selector: Invalid value: .*: field is immutable/, "spec.selector");
});

t.test("addresses that are none", async (t) => {
  const api = await TestServer.start(t);
  const expect = async (method: string, path: string, code: number, body?: object) =>
    t.equal((await api.call(method, path, { body })).status, code, `${method} ${path}`);
  await expect("GET", "/api/v1/nothing", 404);
  await expect("GET", "/apis/apps/v9/deployments", 404);
  await expect("GET", "/apis/none.example/v1", 404);
  await expect("GET", "/nonsense", 404);
  await expect("GET", "/api/v1/pods/x", 404);
  await expect("GET", "/api/v1/namespaces/default/nodes", 404);
  await expect("GET", `${PODS}/x/nothing`, 404);
  await expect("POST", "/api/v1/pods", 405, {});
  await expect("POST", `${PODS}/x`, 405, {});
  await expect("PUT", PODS, 405, {});
  await expect("PATCH", "/api/v1/namespaces", 405, {});
  await expect("OPTIONS", PODS, 405);
  await expect("POST", "/version", 405, {});
  await expect("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 405);
  await expect("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 400, { spec: {} });
  const absent = await api.call("GET", `${PODS}/x`);
  refused(t, absent, 404, "NotFound", /^pods "x" not found$/);
});

t.test("a body over the limit is answered, however it is sent", async (t) => {
  const api = await TestServer.start(t);
  const metadata = { name: "huge" };
  const huge = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "x".repeat(4_000_000) } });
  for (const version of ["v32", "v35"] as const) {
    const { code, stderr } = await api.kubectl(version, ["create", "-f", "-"], huge);
    t.equal(code, 1);
    t.match(stderr, /RequestEntityTooLarge.*Request entity too large: limit is 3145728/, `kubectl ${version}`);
  }
  const chunked = await api.call("POST", MAPS, {
    body: Buffer.alloc(5_000_000, 0x20),
    headers: { "transfer-encoding": "chunked" },
  });
  t.equal(chunked.status, 413);
  t.equal((await api.call("GET", MAPS)).status, 200, "and the server goes on");
});
