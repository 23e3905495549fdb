import t from "tap";
import { difference, type FieldSet, union } from "#api/field-set.js";
import type { ManagedFieldsEntry } from "#api/generated/types.js";
import { freezeJson } from "#api/json-value.js";
import { type FieldsWrite, managedFieldsAfterUpdate } from "#api/managed-fields.js";
import type { KubeObject } from "#api/object.js";

const metadata = { name: "web", uid: "u", resourceVersion: "1", creationTimestamp: "2024-01-01T00:00:00Z" };
const container = {
  name: "nginx",
  image: "nginx:1",
  imagePullPolicy: "Always",
  ports: [{ containerPort: 80, protocol: "TCP" }],
  env: [{ name: "A", value: "1" }],
  resources: {},
};
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { ...metadata, namespace: "default", generation: 1, labels: { app: "web" } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "web" } },
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [container], securityContext: {} } },
  },
  status: {},
};

type Loose = KubeObject & { spec?: unknown; status?: unknown; data?: unknown };

function write(schema: string, old: Loose | undefined, next: Loose, more: Partial<FieldsWrite> = {}) {
  return managedFieldsAfterUpdate({
    schema,
    old: freezeJson(old),
    next: freezeJson(next),
    manager: "kubectl",
    apiVersion: "apps/v1",
    time: "2024-01-01T00:00:00Z",
    ignored: ["status"],
    ...more,
  });
}

const owned = (entries: ManagedFieldsEntry[] | undefined) =>
  Object.fromEntries(
    (entries ?? []).map((e) => [`${e.manager}${e.subresource ? `/${e.subresource}` : ""}`, e.fieldsV1]),
  );

t.test("a created object belongs to its creator, in the form Kubernetes stores", async (t) => {
  t.same(write("Deployment", undefined, deployment), [
    {
      manager: "kubectl",
      operation: "Update",
      apiVersion: "apps/v1",
      time: "2024-01-01T00:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
        "f:spec": {
          "f:replicas": {},
          "f:selector": {},
          "f:strategy": { "f:rollingUpdate": { ".": {}, "f:maxSurge": {}, "f:maxUnavailable": {} }, "f:type": {} },
          "f:template": {
            "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
            "f:spec": {
              "f:containers": {
                'k:{"name":"nginx"}': {
                  ".": {},
                  "f:env": { ".": {}, 'k:{"name":"A"}': { ".": {}, "f:name": {}, "f:value": {} } },
                  "f:image": {},
                  "f:imagePullPolicy": {},
                  "f:name": {},
                  "f:ports": {
                    ".": {},
                    'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {}, "f:protocol": {} },
                  },
                  "f:resources": {},
                },
              },
              "f:securityContext": {},
            },
          },
        },
      },
    },
  ]);
});

t.test("sets, owner references and atomic values", async (t) => {
  const object = {
    metadata: {
      ...metadata,
      finalizers: ["x.io/a"],
      ownerReferences: [{ apiVersion: "v1", kind: "K", name: "n", uid: "u1" }],
    },
    spec: { selector: { app: "web" }, ports: [{ port: 53, protocol: "UDP" }, { port: 54 }], externalIPs: ["1.1.1.1"] },
  };
  t.same(owned(write("Service", undefined, object))["kubectl"], {
    "f:metadata": {
      "f:finalizers": { ".": {}, 'v:"x.io/a"': {} },
      "f:ownerReferences": { ".": {}, 'k:{"uid":"u1"}': {} },
    },
    "f:spec": {
      "f:externalIPs": {},
      "f:ports": {
        ".": {},
        'k:{"port":53,"protocol":"UDP"}': { ".": {}, "f:port": {}, "f:protocol": {} },
        'k:{"port":54,"protocol":"TCP"}': { ".": {}, "f:port": {} },
      },
      "f:selector": {},
    },
  });
});

const created = freezeJson({ ...deployment, metadata: { ...deployment.metadata } }) as typeof deployment & Loose;
const first = write("Deployment", undefined, created) as ManagedFieldsEntry[];
const stored = { ...created, metadata: { ...created.metadata, managedFields: first } };

function changed(change: (copy: typeof deployment) => void): Loose {
  const copy = structuredClone(stored);
  change(copy);
  return copy as Loose;
}

t.test("what changes nothing leaves the entries as they are", async (t) => {
  const same = changed((d) => {
    d.metadata.resourceVersion = "2";
    d.metadata.generation = 7;
    d.status = { replicas: 1 };
  });
  t.equal(write("Deployment", stored, same, { manager: "other" }), first);
});

t.test("a changed field moves to the one who changed it", async (t) => {
  const scaled = changed((d) => {
    d.spec.replicas = 3;
  });
  const entries = write("Deployment", stored, scaled, { manager: "hpa", time: "2024-01-02T00:00:00Z" });
  const { kubectl, hpa } = owned(entries) as Record<string, { "f:spec": object }>;
  t.same(hpa, { "f:spec": { "f:replicas": {} } });
  t.notOk("f:replicas" in (kubectl?.["f:spec"] ?? {}));
  t.ok("f:template" in (kubectl?.["f:spec"] ?? {}));
  t.same(
    entries?.map((e) => [e.manager, e.time]),
    [
      ["kubectl", "2024-01-01T00:00:00Z"],
      ["hpa", "2024-01-02T00:00:00Z"],
    ],
  );
});

t.test("an owner that changes its own field keeps the set and gets a new time", async (t) => {
  const next = changed((d) => {
    (d.spec.template.spec.containers[0] as typeof container).image = "nginx:2";
  });
  const [entry] = write("Deployment", stored, next, { time: "2024-01-03T00:00:00Z" }) ?? [];
  t.equal(entry?.time, "2024-01-03T00:00:00Z");
  t.equal(entry?.fieldsV1, first[0]?.fieldsV1, "the very same set");
});

t.test("elements come and go by key", async (t) => {
  const next = changed((d) => {
    const [only] = d.spec.template.spec.containers as [typeof container];
    only.env = [{ name: "B", value: "2" }];
    only.ports.push({ containerPort: 80, protocol: "UDP" });
    d.metadata.labels = {} as typeof d.metadata.labels;
  });
  const { kubectl, other } = owned(write("Deployment", stored, next, { manager: "other" }));
  const of = (set: unknown) =>
    (set as { "f:spec": { "f:template": { "f:spec": { "f:containers": Record<string, object> } } } })["f:spec"][
      "f:template"
    ]["f:spec"]["f:containers"]['k:{"name":"nginx"}'];
  t.same(of(other), {
    "f:env": { 'k:{"name":"B"}': { ".": {}, "f:name": {}, "f:value": {} } },
    "f:ports": { 'k:{"containerPort":80,"protocol":"UDP"}': { ".": {}, "f:containerPort": {}, "f:protocol": {} } },
  });
  t.match(of(kubectl), { "f:env": {}, "f:image": {} });
  t.same((of(kubectl) as Record<string, unknown>)["f:env"], {}, "the list itself is still kubectl's");
});

t.test("an owner of nothing is dropped, and removal takes all below", async (t) => {
  const old = { metadata: { ...metadata, annotations: { a: "1" } }, data: { k: "v" } } as Loose;
  const entries = write("ConfigMap", undefined, old, { apiVersion: "v1" });
  const withEntries = { ...old, metadata: { ...old.metadata, managedFields: entries } };
  const next = { metadata: { ...metadata, managedFields: entries } } as Loose;
  t.equal(write("ConfigMap", withEntries, next, { apiVersion: "v1", manager: "other" }), undefined);
  const replaced = { metadata: next.metadata, data: { k: "w" } } as Loose;
  t.same(owned(write("ConfigMap", withEntries, replaced, { apiVersion: "v1", manager: "other" })), {
    kubectl: { "f:data": {} },
    other: { "f:data": { "f:k": {} } },
  });
});

t.test("subresources are owned apart, and clients may reset everything", async (t) => {
  const next = changed((d) => {
    d.status = { replicas: 1, conditions: [{ type: "Available", status: "True" }] };
  });
  const entries = write("Deployment", stored, next, { subresource: "status", ignored: [] });
  t.same(owned(entries)["kubectl/status"], {
    "f:status": {
      "f:replicas": {},
      "f:conditions": { ".": {}, 'k:{"type":"Available"}': { ".": {}, "f:type": {}, "f:status": {} } },
    },
  });
  const reset = changed((d) => {
    (d.metadata as unknown as { managedFields: unknown[] }).managedFields = [{}];
  });
  t.equal(write("Deployment", stored, reset), undefined);
});

t.test("beyond ten updaters the oldest become one", async (t) => {
  let object: Loose = { metadata, data: {} };
  for (let i = 0; i < 14; i++) {
    const next: Loose = { metadata: { ...object.metadata }, data: { ...(object.data as object), [`k${i}`]: "v" } };
    const time = `2024-01-01T00:00:${String(i).padStart(2, "0")}Z`;
    const managedFields = write("ConfigMap", object, next, { manager: `m${i}`, apiVersion: "v1", time });
    object = { ...next, metadata: { ...next.metadata, managedFields } };
  }
  const entries = object.metadata.managedFields ?? [];
  t.equal(entries.length, 10);
  t.match(owned(entries)["ancient-changes"], { "f:data": { "f:k0": {}, "f:k4": {} } });
});

t.test("set arithmetic", async (t) => {
  const a: FieldSet = { "f:a": { ".": {}, "f:x": {} }, "f:b": {} };
  t.equal(union(a, { "f:b": {} }), a);
  t.same(union({}, { "f:a": {} }), { ".": {}, "f:a": {} });
  t.same(union({ "f:a": {} }, {}), { ".": {}, "f:a": {} });
  t.same(difference(a, { "f:a": {} }, false), { "f:a": { "f:x": {} }, "f:b": {} });
  t.same(difference(a, { "f:a": {} }, true), { "f:b": {} });
  t.same(difference(a, { "f:a": { "f:x": {} } }, false), { "f:a": {}, "f:b": {} });
  t.equal(difference(a, { "f:z": {} }, true), a);
  t.equal(difference(a, a, false), undefined);
});
