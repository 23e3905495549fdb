import t from "tap";
import { decodeObject } from "#api/decode.js";

const json = (text: string) => JSON.parse(text) as unknown;

t.test("what a client leaves out or writes otherwise takes the server's form", async (t) => {
  const { object, unknownFields } = decodeObject(
    "Pod",
    json(`{
      "apiVersion": "v1", "kind": "Pod",
      "metadata": { "name": "a", "namespace": "", "creationTimestamp": null, "labels": {}, "annotations": { "k": "" } },
      "spec": {
        "containers": [{
          "name": "c", "env": [], "command": null, "args": ["a", null],
          "ports": [{ "containerPort": 80 }],
          "resources": { "limits": { "cpu": 0.5, "memory": "1024Mi" }, "requests": {} },
          "livenessProbe": { "httpGet": { "path": "/" } }
        }],
        "volumes": [{ "name": "v", "emptyDir": {} }],
        "nodeSelector": {},
        "terminationGracePeriodSeconds": 0
      }
    }`),
  );
  t.same(unknownFields, []);
  t.same(object, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", annotations: { k: "" } },
    spec: {
      containers: [
        {
          name: "c",
          args: ["a", ""],
          ports: [{ containerPort: 80 }],
          resources: { limits: { cpu: "500m", memory: "1Gi" } },
          livenessProbe: { httpGet: { path: "/", port: 0 } },
        },
      ],
      volumes: [{ name: "v", emptyDir: {} }],
      terminationGracePeriodSeconds: 0,
    },
  });
});

t.test("times are RFC 3339 in UTC", async (t) => {
  const lease = decodeObject<{ spec: Record<string, string>; metadata: Record<string, string> }>("Lease", {
    metadata: { deletionTimestamp: "2024-01-02T03:04:05.678+02:00" },
    spec: { renewTime: "2024-01-02T03:04:05Z", acquireTime: "2024-01-02T03:04:05.123456789Z" },
  }).object;
  t.equal(lease.metadata["deletionTimestamp"], "2024-01-02T01:04:05Z");
  t.equal(lease.spec["renewTime"], "2024-01-02T03:04:05.000000Z");
  t.equal(lease.spec["acquireTime"], "2024-01-02T03:04:05.123456Z");
});

t.test("missing required fields get their zero value", async (t) => {
  t.same(decodeObject("Deployment", {}).object, {
    metadata: {},
    spec: { template: {} },
  });
  t.same(decodeObject("Pod", { spec: {} }).object, { metadata: {}, spec: { containers: [] } });
  t.same(decodeObject("ConfigMap", {}).object, { metadata: {} });
});

t.test("unknown fields are pruned and named with their path", async (t) => {
  const { object, unknownFields } = decodeObject("Pod", {
    foo: 1,
    spec: { containers: [{ name: "a" }, { name: "b", imagee: "x", ports: [{ containerPort: 1, bar: {} }] }] },
    metadata: { labels: { anything: "goes" }, Name: "case matters" },
  });
  t.same(unknownFields, ["foo", "spec.containers[1].imagee", "spec.containers[1].ports[0].bar", "metadata.Name"]);
  t.same(object, {
    spec: { containers: [{ name: "a" }, { name: "b", ports: [{ containerPort: 1 }] }] },
    metadata: { labels: { anything: "goes" } },
  });
});

t.test("a wrong type is refused in Go's words", async (t) => {
  const table: [string, unknown, string][] = [
    [
      "Deployment",
      { spec: { replicas: "3" } },
      "string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      "Deployment",
      { spec: { replicas: 1.5 } },
      "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      "Deployment",
      { spec: { replicas: 3000000000 } },
      "number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    ["Deployment", { spec: { paused: "yes" } }, "string into Go struct field DeploymentSpec.spec.paused of type bool"],
    ["Pod", { spec: [] }, "array into Go struct field Pod.spec of type v1.PodSpec"],
    ["Pod", { spec: { containers: {} } }, "object into Go struct field PodSpec.spec.containers of type []v1.Container"],
    [
      "Pod",
      { spec: { containers: ["a"] } },
      "string into Go struct field PodSpec.spec.containers of type v1.Container",
    ],
    [
      "Pod",
      { metadata: { labels: { a: 1 } } },
      "number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      "Pod",
      { metadata: { labels: [] } },
      "array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
    ],
    [
      "Deployment",
      { spec: { template: { spec: { containers: [{ env: [{ name: "A", value: 1 }] }] } } } },
      "number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
    ],
    [
      "Pod",
      { spec: { containers: [{ ports: [{ containerPort: "80" }] }] } },
      "string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
    ],
    [
      "Pod",
      { spec: { containers: [{ imagePullPolicy: true }] } },
      "bool into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy",
    ],
    ["Service", { spec: { ports: [{ targetPort: true }] } }, "bool into Go value of type int32"],
    ["Pod", { metadata: { creationTimestamp: 1 } }, "number into Go value of type string"],
  ];
  for (const [kind, value, message] of table) {
    t.throws(() => decodeObject(kind, value), { message: `json: cannot unmarshal ${message}` }, message);
  }
});

t.test("values with a format of their own", async (t) => {
  const pod = (limit: unknown) => ({ spec: { containers: [{ resources: { limits: { cpu: limit } } }] } });
  t.throws(() => decodeObject("Pod", pod("lots")), { message: /^quantities must match the regular expression/ });
  t.throws(() => decodeObject("Pod", pod(true)), { message: /^quantities must match the regular expression/ });
  t.throws(() => decodeObject("Secret", { data: { a: "a===" } }), { message: "illegal base64 data at input byte 1" });
  t.throws(() => decodeObject("Pod", { metadata: { creationTimestamp: "now" } }), {
    message: 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"',
  });
  t.throws(() => decodeObject("Pod", "x"), { message: "json: cannot unmarshal string into Go value of type v1.Pod" });
  t.throws(() => decodeObject("Pod", []), { message: "json: cannot unmarshal array into Go value of type v1.Pod" });
});

t.test("keys that JavaScript treats specially are only keys", async (t) => {
  const { object, unknownFields } = decodeObject<{ data: object }>(
    "ConfigMap",
    json('{"__proto__": {"polluted": true}, "data": {"__proto__": "x", "constructor": "y"}}'),
  );
  t.same(unknownFields, ["__proto__"]);
  t.same(Object.entries(object.data), [
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
  t.notOk("polluted" in object);
});
