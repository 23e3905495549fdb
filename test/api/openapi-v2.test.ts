/** The OpenAPI v2 document, and what kubectl needs it for: to check the items of a List. */
import { gunzipSync } from "node:zlib";
import t from "tap";
import { openApiPaths, openOpenApiV2, readOpenApi } from "#api/openapi.js";
import { configMaps, deployments } from "#api/refs.js";
import { TestServer } from "#test/fixtures/api-server.js";

const BINARY = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

t.test("/openapi/v2 is all of v3, in both forms", async (t) => {
  const api = await TestServer.start(t);
  const get = (headers: Record<string, string> = {}) => api.call("GET", "/openapi/v2", { headers });
  const { status, headers, text, json } = await get();
  t.equal(status, 200);
  t.match(headers, { "content-type": "application/json", etag: /^".+"$/, "content-encoding": undefined });
  t.equal(json.swagger, "2.0");
  const v3 = await Promise.all(openApiPaths().map(async (path) => JSON.parse(String(await readOpenApi(path)))));
  t.same(Object.keys(json.paths).sort(), [...new Set(v3.flatMap(({ paths }) => Object.keys(paths)))].sort());
  const schemas = new Set(v3.flatMap(({ components }) => Object.keys(components.schemas)));
  t.same(Object.keys(json.definitions).sort(), [...schemas].sort());
  for (const [, name] of text.matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)) {
    if (!json.definitions[String(name)]) t.fail(`a reference to ${name}, which is not there`);
  }
  t.notMatch(text, /oneOf|allOf|requestBody|#\/components/, "nothing v2 does not know");
  const container = json.definitions["io.k8s.api.core.v1.Container"];
  t.match(container.properties.ports, { type: "array", "x-kubernetes-patch-merge-key": "containerPort" });
  t.match(container.properties.resources, { $ref: "#/definitions/io.k8s.api.core.v1.ResourceRequirements" });
  t.match(json.paths["/api/v1/namespaces/{namespace}/pods"].post.parameters, [
    { in: "query", name: "dryRun", type: "string" },
  ]);

  t.equal((await get({ "If-None-Match": String(headers["etag"]) })).status, 304);
  t.equal((await get({ Accept: "text/html" })).status, 406);
  t.match((await get({ "Accept-Encoding": "gzip" })).headers, { "content-encoding": "gzip" });
  for (const accept of [BINARY, `${BINARY.replace("v2.v1", "v2@v1")};q=1, application/json`]) {
    const binary = await get({ Accept: accept });
    t.match(binary.headers, { "content-type": BINARY });
    t.match(binary.text, /io\.k8s\.api\.core\.v1\.PodSpec/);
    t.not(binary.headers["etag"], headers["etag"]);
  }
  const zipped: Buffer[] = [];
  for await (const chunk of (await openOpenApiV2("json")).body) zipped.push(chunk as Buffer);
  t.equal(String(gunzipSync(Buffer.concat(zipped))), text, "passed on as it lies there");
});

const list = (items: object[]) => JSON.stringify({ apiVersion: "v1", kind: "List", items });
const configMap = (more: object) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one" }, ...more });
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "two" },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: "two" } },
    template: { metadata: { labels: { app: "two" } }, spec: { containers: [{ name: "c", image: "nginx" }] } },
  },
};

t.test("kubectl makes, checks and changes what a List holds", async (t) => {
  const api = await TestServer.start(t);
  for (const version of ["v32", "v35"] as const) {
    const said = async (args: string, items: object[]) => {
      const { stdout, stderr } = await api.kubectl(version, [...args.split(" "), "-f", "-"], list(items));
      return stdout + stderr;
    };
    const items = [configMap({ data: { a: "1" } }), deployment];
    t.equal(await said("apply", items), "configmap/one created\ndeployment.apps/two created\n", version);
    t.equal(await said("apply", items), "configmap/one unchanged\ndeployment.apps/two unchanged\n", version);
    const changed = [configMap({ data: { a: "2" } }), deployment];
    t.match(await said("apply --dry-run=server", changed), /configmap\/one configured \(server dry run\)/);
    t.equal(await said("apply", changed), "configmap/one configured\ndeployment.apps/two unchanged\n", version);
    t.same((await api.rest().get(configMaps, "one", "default")).data, { a: "2" });
    t.match(
      await said("apply", [configMap({ dota: {} })]),
      /unknown field "dota" in io\.k8s\.api\.core\.v1\.ConfigMap/,
    );
    await said("delete", items);
    t.equal(await said("create", items), "configmap/one created\ndeployment.apps/two created\n", version);
    t.equal((await api.rest().get(deployments, "two", "default")).spec.replicas, 0);
    t.match(await said("delete", items), /configmap "one" deleted[\s\S]*deployment\.apps "two" deleted/);
  }
});
