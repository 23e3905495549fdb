import t from "tap";
import type { FieldError } from "#api/field-error.js";
import type { KubeObject } from "#api/object.js";
import { kinds } from "#resources/index.js";
import type { AdmissionContext, Kind } from "#resources/kind.js";

function kindOf(name: string): Kind {
  const kind = kinds.find((k) => k.kind === name);
  if (!kind) throw new Error(`no kind ${name}`);
  return kind;
}

function make(kind: Kind, fields: object): KubeObject {
  const object = structuredClone({ metadata: { name: "x", namespace: "default" }, ...fields }) as KubeObject;
  kind.defaults?.(object);
  kind.prepareForCreate?.(object);
  return object;
}

const texts = (errors: FieldError[] = []) => errors.map((e) => `${e.field}: ${e.message}`);
const base64 = (text: string) => Buffer.from(text).toString("base64");
const KEY =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "nginx" }] } };
const selector = { matchLabels: { app: "web" } };
const address = { addresses: ["10.0.0.1"] };

const cases: [string, string, object, string[]][] = [
  ["ConfigMap", "keys", { data: { "a b": "" } }, [`data[a b]: Invalid value: "a b": ${KEY}`]],
  [
    "ConfigMap",
    "key in both",
    { data: { a: "" }, binaryData: { a: "" } },
    ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
  ],
  [
    "ConfigMap",
    "size",
    { data: { a: "x".repeat(1024 * 1024 + 1) } },
    ["[]: Too long: may not be more than 1048576 bytes"],
  ],
  ["Secret", "tls", { type: "kubernetes.io/tls" }, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]],
  [
    "Secret",
    "empty basic auth",
    { type: "kubernetes.io/basic-auth" },
    ["data[username]: Required value", "data[password]: Required value"],
  ],
  [
    "PriorityClass",
    "too important",
    { value: 1_000_000_001, preemptionPolicy: "Always" },
    [
      "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
      'preemptionPolicy: Unsupported value: "Always": supported values: "Never", "PreemptLowerPriority"',
    ],
  ],
  [
    "PriorityClass",
    "a name of the system",
    { metadata: { name: "system-mine" }, value: 1 },
    [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
    ],
  ],
  [
    "PriorityClass",
    "another value for one of the system",
    { metadata: { name: "system-node-critical" }, value: 1 },
    [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000",
    ],
  ],
  ["PriorityClass", "one of the system", { metadata: { name: "system-node-critical" }, value: 2_000_001_000 }, []],
  ["Secret", "ssh", { type: "kubernetes.io/ssh-auth" }, ["data[ssh-privatekey]: Required value"]],
  [
    "Secret",
    "docker config is not quoted",
    { type: "kubernetes.io/dockerconfigjson", stringData: { ".dockerconfigjson": "hunter2" } },
    ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be a JSON object'],
  ],
  [
    "Secret",
    "service account token",
    { type: "kubernetes.io/service-account-token" },
    ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
  ],
  [
    "Secret",
    "size",
    { data: { a: base64("x".repeat(1024 * 1024 + 1)) } },
    ["data: Too long: may not be more than 1048576 bytes"],
  ],
  [
    "Deployment",
    "nothing said",
    {},
    [
      "spec.selector: Required value",
      "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
      "spec.template.spec.containers: Required value",
    ],
  ],
  [
    "Deployment",
    "empty selector",
    { spec: { selector: {}, template } },
    ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
  ],
  [
    "Deployment",
    "a selector that cannot be read",
    { spec: { selector: { matchExpressions: [{ key: "a", operator: "In" }] }, template } },
    [
      "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"In"}]}: invalid label selector',
    ],
  ],
  [
    "Deployment",
    "selector and labels differ",
    { spec: { selector: { matchLabels: { app: "db" } }, template } },
    ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
  ],
  [
    "Deployment",
    "pods that end",
    { spec: { replicas: -1, selector, template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } } } },
    [
      "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
  ],
  [
    "Deployment",
    "an update that cannot move",
    { spec: { selector, template, strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" } } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
  ],
  [
    "Deployment",
    "strategies",
    { spec: { selector, template, strategy: { type: "Recreate", rollingUpdate: {} }, progressDeadlineSeconds: 0 } },
    [
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
      "spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds",
    ],
  ],
  [
    "Deployment",
    "shares",
    { spec: { selector, template, strategy: { rollingUpdate: { maxUnavailable: "101%", maxSurge: "a" } } } },
    [
      "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"a\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
  ],
  [
    "ReplicaSet",
    "image of the template",
    { spec: { selector, template: { ...template, spec: { containers: [{ name: "web" }] } } } },
    ["spec.template.spec.containers[0].image: Required value"],
  ],
  [
    "Node",
    "taints",
    {
      spec: {
        taints: [
          { key: "a", effect: "NoSchedule" },
          { key: "a", effect: "NoSchedule" },
          { key: "b", effect: "Never" },
        ],
      },
    },
    [
      'spec.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}: taints must be unique by key and effect pair',
      'spec.taints[2].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  [
    "Endpoints",
    "empty subset",
    { subsets: [{ ports: [{ port: 80 }] }] },
    ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"],
  ],
  [
    "Endpoints",
    "addresses that lead nowhere",
    { subsets: [{ addresses: [{ ip: "127.0.0.1" }, { ip: "169.254.1.1" }, { ip: "x" }] }] },
    [
      'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'subsets[0].addresses[1].ip: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      'subsets[0].addresses[2].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  ],
  ["EndpointSlice", "type", { addressType: "" }, ["addressType: Required value"]],
  [
    "EndpointSlice",
    "ports and addresses",
    { addressType: "IPv4", endpoints: [address, { addresses: ["fd00::1"] }, {}], ports: [{}, {}] },
    [
      'endpoints[1].addresses[0]: Invalid value: "fd00::1": must be an IPv4 address',
      "endpoints[2].addresses: Required value: must contain at least 1 address",
      'ports[1].name: Duplicate value: ""',
    ],
  ],
  [
    "Event",
    "another namespace",
    { involvedObject: { namespace: "other" } },
    ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  ],
  ["Event", "about a node", { involvedObject: { kind: "Node" } }, []],
  [
    "Event",
    "new style",
    { involvedObject: { namespace: "default" }, eventTime: "2026-01-01T00:00:00Z", reason: "R" },
    ["reportingComponent: Required value", "reportingInstance: Required value", "action: Required value"],
  ],
  [
    "Lease",
    "duration",
    { spec: { leaseDurationSeconds: 0 } },
    ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
  ],
];

for (const [kindName, name, fields, expected] of cases)
  t.test(`${kindName}: ${name}`, async (t) => {
    const kind = kindOf(kindName);
    t.same(texts(kind.validate?.(make(kind, fields))), expected);
  });

const changes: [string, string, object, object, string[]][] = [
  [
    "Deployment",
    "selector",
    { spec: { selector } },
    { spec: { selector: { matchLabels: { app: "db" } } } },
    ['spec.selector: Invalid value: {"matchLabels":{"app":"db"}}: field is immutable'],
  ],
  ["Secret", "type", { type: "a/b" }, {}, ['type: Invalid value: "Opaque": field is immutable']],
  [
    "ConfigMap",
    "immutable",
    { immutable: true, data: { a: "1" } },
    { data: { a: "2" } },
    [
      "immutable: Forbidden: field is immutable when `immutable` is set",
      "data: Forbidden: field is immutable when `immutable` is set",
    ],
  ],
  [
    "Node",
    "pod range",
    { spec: { podCIDR: "10.244.0.0/24" } },
    { spec: { podCIDR: "10.244.1.0/24" } },
    ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
  ],
  [
    "EndpointSlice",
    "type",
    { addressType: "IPv4" },
    { addressType: "IPv6" },
    ['addressType: Invalid value: "IPv6": field is immutable'],
  ],
];

for (const [kindName, name, before, after, expected] of changes)
  t.test(`${kindName} keeps its ${name}`, async (t) => {
    const kind = kindOf(kindName);
    t.same(texts(kind.validateUpdate?.(make(kind, after), make(kind, before))), expected);
    t.same(texts(kind.validateUpdate?.(make(kind, before), make(kind, before))), []);
  });

t.test("a Secret's stringData becomes data", async (t) => {
  const secret = make(kindOf("Secret"), { data: { a: base64("1"), b: base64("2") }, stringData: { b: "two" } });
  t.match(secret, { type: "Opaque", data: { a: base64("1"), b: base64("two") } });
  t.notOk("stringData" in secret);
});

t.test("a Deployment's defaults", async (t) => {
  t.match(make(kindOf("Deployment"), { spec: { selector, template } }), {
    status: {},
    spec: {
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      template: { spec: { restartPolicy: "Always", terminationGracePeriodSeconds: 30 } },
    },
  });
});

t.test("a Namespace is Active, held by its finalizer, labelled; some cannot be deleted", async (t) => {
  const kind = kindOf("Namespace");
  const namespace = make(kind, {});
  t.match(namespace, {
    metadata: { labels: { "kubernetes.io/metadata.name": "x" } },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  });
  t.same(kind.finalizers?.(namespace), ["kubernetes"]);
  kind.prepareForDelete?.(namespace);
  t.match(namespace, { status: { phase: "Terminating" } });
  const remove = () =>
    kind.admission?.beforeDelete?.(make(kind, { metadata: { name: "kube-system" } }), {} as AdmissionContext);
  t.throws(remove, {
    code: 403,
    message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
  });
});

t.test("a new Node is tainted until it is ready, and its range is mirrored", async (t) => {
  const kind = kindOf("Node");
  const node = make(kind, { spec: { podCIDRs: ["10.244.0.0/24"] }, status: { capacity: { cpu: "2" } } });
  kind.admission?.beforeWrite?.(node, undefined, {} as AdmissionContext);
  t.match(node, {
    spec: { podCIDR: "10.244.0.0/24", taints: [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }] },
    status: { allocatable: { cpu: "2" } },
  });
});
