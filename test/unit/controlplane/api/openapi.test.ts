import t from "tap";
import { openApiPaths, readOpenApi } from "#api/openapi.js";
import { groupVersion, resourcePath } from "#api/resource.js";
import { kinds } from "#resources/index.js";
import { isWritable } from "#resources/kind.js";

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  [extension: string]: unknown;
}

interface Operation {
  parameters: { name: string }[];
  requestBody?: { content: Record<string, unknown> };
  [extension: string]: unknown;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const documents = new Map<string, Document>();
for (const path of openApiPaths()) documents.set(path, JSON.parse((await readOpenApi(path)).toString()) as Document);
const documentOf = (name: string) => documents.get(name.includes("/") ? `apis/${name}` : `api/${name}`) as Document;

t.test("every kind's paths are documented, and nothing else is", async (t) => {
  const methods = ["get", "post", "put", "patch", "delete"];
  for (const kind of kinds) {
    const { paths } = documentOf(groupVersion(kind));
    const operations = (path: string) => Object.keys(paths[path] ?? {}).filter((method) => methods.includes(method));
    const at = (name?: string, part?: string) =>
      decodeURIComponent(resourcePath(kind, kind.namespaced ? "{namespace}" : undefined, name, part));
    t.same(operations(at()).sort(), isWritable(kind) ? ["delete", "get", "post"] : ["get"], at());
    t.same(
      operations(at("{name}")).sort(),
      isWritable(kind) ? ["delete", "get", "patch", "put"] : ["get"],
      at("{name}"),
    );
    if (kind.namespaced) t.same(operations(resourcePath(kind)), ["get"]);
    const { status, scale, actions = {}, parts = {} } = kind.subresources ?? {};
    for (const [part, there] of Object.entries({ status, scale })) {
      t.same(operations(at("{name}", part)).sort(), there ? ["get", "patch", "put"] : [], `${kind.kind} ${part}`);
    }
    for (const part of Object.keys(parts))
      t.same(operations(at("{name}", part)).sort(), ["get", "patch", "put"], `${kind.kind} ${part}`);
    for (const name of Object.keys(actions)) t.equal(operations(at("{name}", name)).length, 1, `${kind.kind} ${name}`);
  }
  const documented = [...documents.values()].flatMap(({ paths }) => Object.keys(paths));
  const reviews = documented.filter((path) => /\/(authentication|authorization)\.k8s\.io\//.test(path));
  const expected = kinds.flatMap(({ namespaced, subresources: { status, scale, actions = {}, parts = {} } = {} }) => {
    return (namespaced ? 3 : 2) + (status ? 1 : 0) + (scale ? 1 : 0) + Object.keys({ ...actions, ...parts }).length;
  });
  t.equal(
    documented.length - reviews.length,
    expected.reduce((a, b) => a + b),
  );
});

t.test("operations say what kubectl asks of them", async (t) => {
  const deployment = documentOf("apps/v1").paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"];
  t.same(deployment?.["patch"]?.["x-kubernetes-group-version-kind"], {
    group: "apps",
    version: "v1",
    kind: "Deployment",
  });
  t.equal(deployment?.["patch"]?.["x-kubernetes-action"], "patch");
  const names = deployment?.["patch"]?.parameters.map((p) => p.name) ?? [];
  for (const name of ["dryRun", "fieldManager", "fieldValidation"]) t.ok(names.includes(name), name);
  t.same(Object.keys(deployment?.["patch"]?.requestBody?.content ?? {}), [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
  ]);
});

t.test("schemas carry Kubernetes' names and extensions", async (t) => {
  const { schemas } = documentOf("v1").components;
  const property = (type: string, name: string) => schemas[type]?.properties?.[name];
  t.match(schemas["io.k8s.api.core.v1.Pod"], {
    type: "object",
    "x-kubernetes-group-version-kind": [{ group: "", version: "v1", kind: "Pod" }],
    properties: {
      metadata: { allOf: [{ $ref: "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" }] },
    },
  });
  t.match(property("io.k8s.api.core.v1.PodSpec", "containers"), {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    "x-kubernetes-patch-merge-key": "name",
    "x-kubernetes-patch-strategy": "merge",
  });
  t.match(property("io.k8s.api.core.v1.PodSpec", "volumes"), { "x-kubernetes-patch-strategy": "merge,retainKeys" });
  t.match(property("io.k8s.api.core.v1.ServiceSpec", "ports"), {
    "x-kubernetes-list-map-keys": ["port", "protocol"],
    "x-kubernetes-patch-merge-key": "port",
  });
  t.match(property("io.k8s.api.core.v1.ServicePort", "protocol"), { default: "TCP", enum: ["SCTP", "TCP", "UDP"] });
  t.match(property("io.k8s.api.core.v1.ServicePort", "port"), { type: "integer", format: "int32" });
  t.match(schemas["io.k8s.api.core.v1.PodSpec"], { required: ["containers"] });
  t.match(schemas["io.k8s.api.core.v1.PodList"], { properties: { items: { type: "array" } }, required: ["items"] });
  t.match(property("io.k8s.api.core.v1.Container", "image"), { description: /^Container image name/ });
});

t.test("no reference leads nowhere", async (t) => {
  for (const [path, document] of documents) {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
    for (const name of new Set([...references].map((match) => match[1] as string))) {
      if (!document.components.schemas[name]) t.fail(`${path}: ${name}`);
    }
    t.ok(Object.keys(document.components.schemas).length > 0, path);
  }
});
