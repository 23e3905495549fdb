import t from "tap";
import type { FieldError } from "#api/field-error.js";
import type { KubeObject } from "#api/object.js";
import { kinds } from "#resources/index.js";
import type { Kind } from "#resources/kind.js";

const kindOf = (name: string) => kinds.find(({ kind, group }) => kind === name && group === "storage.k8s.io") as Kind;

function make(kind: Kind, fields: object): KubeObject {
  const object = structuredClone({ metadata: { name: "x" }, ...fields }) as KubeObject;
  kind.defaults?.(object);
  return object;
}

const texts = (errors: FieldError[] = []) => errors.map((e) => `${e.field}: ${e.message}`);
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const KEY =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const provisioner = "Example.com/Disk";
const zone = (...values: string[]) => ({ key: "zone", values });
const topologies = (...terms: object[][]) => ({
  provisioner,
  allowedTopologies: terms.map((matchLabelExpressions) => ({ matchLabelExpressions })),
});
const attachment = (spec: object, status = {}) => ({
  spec: { attacher: "a.example.com", nodeName: "n", source: { persistentVolumeName: "pv" }, ...spec },
  status,
});
const drivers = (...list: object[]) => ({
  spec: { drivers: list.map((one) => ({ name: "a.io", nodeID: "1", ...one })) },
});
const tokens = (...tokenRequests: object[]) => ({ spec: { tokenRequests } });
const ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
const many = Object.fromEntries(Array.from({ length: 513 }, (_, i) => [`k${i}`, ""]));

const cases: [string, string, object, string[]][] = [
  ["StorageClass", "in any case", { provisioner }, []],
  ["StorageClass", "no provisioner", { provisioner: "" }, ["provisioner: Required value"]],
  ["StorageClass", "a bad provisioner", { provisioner: "a b" }, [`provisioner: Invalid value: "a b": ${KEY}`]],
  [
    "StorageClass",
    "policies",
    { provisioner, reclaimPolicy: "Recycle", volumeBindingMode: "Later" },
    [
      'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
      'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
    ],
  ],
  [
    "StorageClass",
    "an empty key",
    { provisioner, parameters: { "": "x" } },
    ['parameters: Invalid value: "": field can not be empty.'],
  ],
  [
    "StorageClass",
    "too many parameters",
    { provisioner, parameters: many },
    ["parameters: Too long: may not be more than 512 bytes"],
  ],
  [
    "StorageClass",
    "large parameters",
    { provisioner, parameters: { a: "x".repeat(256 * 1024) } },
    ["parameters: Too long: may not be more than 262144 bytes"],
  ],
  ["StorageClass", "topologies", topologies([zone("a"), { key: "rack", values: ["1"] }], [zone("b")]), []],
  [
    "StorageClass",
    "no and repeated values, a repeated key",
    topologies([zone(), zone("a", "a")]),
    [
      "allowedTopologies[0].matchLabelExpressions[0].values: Required value",
      'allowedTopologies[0].matchLabelExpressions[1].values[1]: Duplicate value: "a"',
      'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "zone"',
    ],
  ],
  [
    "StorageClass",
    "the same term in another order",
    topologies([zone("a", "b")], [zone("b", "a")]),
    ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""'],
  ],
  [
    "VolumeAttributesClass",
    "nothing",
    { driverName: "" },
    ["driverName: Required value", "parameters: Required value: must contain at least one key/value pair"],
  ],
  ["VolumeAttributesClass", "some", { driverName: "d", parameters: { a: "1" } }, []],
  ["VolumeAttachment", "of a volume", attachment({}), []],
  ["VolumeAttachment", "of an inline volume", attachment({ source: { inlineVolumeSpec: {} } }), []],
  [
    "VolumeAttachment",
    "nothing",
    attachment({ attacher: "", source: {}, nodeName: "N" }),
    [
      "spec.attacher: Required value",
      `spec.source: Required value: ${ONE_SOURCE}`,
      `spec.nodeName: Invalid value: "N": ${SUBDOMAIN}`,
    ],
  ],
  [
    "VolumeAttachment",
    "two sources",
    attachment({ source: { inlineVolumeSpec: {}, persistentVolumeName: "pv" } }),
    [`spec.source: Forbidden: ${ONE_SOURCE}`],
  ],
  [
    "VolumeAttachment",
    "an empty name",
    attachment({ source: { persistentVolumeName: "" } }),
    ["spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName"],
  ],
  ["CSIDriver", "nothing", { spec: {} }, []],
  [
    "CSIDriver",
    "words and numbers",
    { spec: { fsGroupPolicy: "Some", volumeLifecycleModes: ["Short"], nodeAllocatableUpdatePeriodSeconds: 9 } },
    [
      'spec.fsGroupPolicy: Unsupported value: "Some": supported values: "File", "None", "ReadWriteOnceWithFSType"',
      'spec.volumeLifecycleModes: Unsupported value: "Short": supported values: "Persistent", "Ephemeral"',
      "spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds",
    ],
  ],
  [
    "CSIDriver",
    "tokens",
    tokens({ audience: "" }, { audience: "a", expirationSeconds: 599 }, { audience: "b", expirationSeconds: 2 ** 33 }),
    [
      "spec.tokenRequests[1].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes",
      "spec.tokenRequests[2].expirationSeconds: Invalid value: 8589934592: may not specify a duration larger than 2^32 seconds",
    ],
  ],
  [
    "CSIDriver",
    "an audience twice",
    tokens({ audience: "a" }, { audience: "a", expirationSeconds: 1 }),
    ['spec.tokenRequests[1].audience: Duplicate value: "a"'],
  ],
  ["CSINode", "no drivers", drivers(), []],
  ["CSINode", "the longest id", drivers({ nodeID: "x".repeat(256), topologyKeys: ["a", "b/c"] }), []],
  [
    "CSINode",
    "bad drivers",
    drivers(
      { nodeID: "", allocatable: { count: -1 } },
      { topologyKeys: ["z", "z", ""] },
      { name: "a".repeat(64) },
      { name: "b c" },
    ),
    [
      "spec.drivers[0].nodeID: Required value",
      "spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0",
      'spec.drivers[1]: Duplicate value: "z"',
      "spec.drivers[1]: Required value",
      'spec.drivers[1].name: Duplicate value: "a.io"',
      "spec.drivers[2].name: Too long: may not be more than 63 bytes",
      `spec.drivers[3].name: Invalid value: "b c": ${SUBDOMAIN}`,
    ],
  ],
  [
    "CSINode",
    "a long id",
    drivers({ nodeID: "x".repeat(257) }),
    [`spec.drivers[0].nodeID: Invalid value: "${"x".repeat(257)}": must be 256 characters or less`],
  ],
  ["CSIStorageCapacity", "of a class", { storageClassName: "fast", capacity: "1Gi" }, []],
  [
    "CSIStorageCapacity",
    "nothing, less than nothing, a bad selector",
    { storageClassName: "", capacity: "-1Gi", nodeTopology: { matchExpressions: [{ key: "a", operator: "In" }] } },
    [
      "nodeTopology.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      `storageClassName: Invalid value: "": ${SUBDOMAIN}`,
      'capacity: Invalid value: "-1Gi": must be greater than or equal to 0',
    ],
  ],
];

for (const [kindName, name, fields, expected] of cases)
  t.test(`${kindName}: ${name}`, async (t) => {
    const kind = kindOf(kindName);
    t.same(texts(kind.validate?.(make(kind, fields))), expected);
  });

const IMMUTABLE = "field is immutable";
const changes: [string, string, object, object, string[]][] = [
  [
    "StorageClass",
    "meaning",
    { provisioner: "a", parameters: { a: "1" } },
    { provisioner: "b", reclaimPolicy: "Retain", volumeBindingMode: "WaitForFirstConsumer" },
    [
      "parameters: Forbidden: updates to parameters are forbidden.",
      "provisioner: Forbidden: updates to provisioner are forbidden.",
      "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.",
      `volumeBindingMode: Invalid value: "WaitForFirstConsumer": ${IMMUTABLE}`,
    ],
  ],
  [
    "VolumeAttributesClass",
    "meaning",
    { driverName: "a", parameters: { a: "1" } },
    { driverName: "b", parameters: { a: "2" } },
    [
      "driverName: Forbidden: updates to driverName are forbidden.",
      "parameters: Forbidden: updates to parameters are forbidden.",
    ],
  ],
  [
    "VolumeAttachment",
    "spec",
    { spec: { nodeName: "a" } },
    { spec: { nodeName: "b" } },
    [`spec: Invalid value: {"nodeName":"b"}: ${IMMUTABLE}`],
  ],
  [
    "CSIDriver",
    "way of attaching and its modes",
    { spec: {} },
    { spec: { attachRequired: false, volumeLifecycleModes: ["Ephemeral"] } },
    [
      `spec.attachedRequired: Invalid value: false: ${IMMUTABLE}`,
      `spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: ${IMMUTABLE}`,
    ],
  ],
  [
    "CSINode",
    "drivers",
    drivers({}),
    drivers({ nodeID: "2", allocatable: { count: 1 } }),
    [`spec.drivers: Invalid value: {"name":"a.io","nodeID":"2"}: ${IMMUTABLE}`],
  ],
  [
    "CSIStorageCapacity",
    "place and class",
    { storageClassName: "a", nodeTopology: {} },
    { storageClassName: "b" },
    [`nodeTopology: Invalid value: null: ${IMMUTABLE}`, `storageClassName: Invalid value: "b": ${IMMUTABLE}`],
  ],
];

for (const [kindName, name, before, after, expected] of changes)
  t.test(`a ${kindName} keeps its ${name}`, async (t) => {
    const kind = kindOf(kindName);
    t.same(texts(kind.validateUpdate?.(make(kind, after), make(kind, before))), expected);
    t.same(texts(kind.validateUpdate?.(make(kind, before), make(kind, before))), []);
  });

t.test("what may change", async (t) => {
  const allowed: [string, object, object][] = [
    ["StorageClass", { provisioner }, { provisioner, allowVolumeExpansion: true, mountOptions: ["ro"] }],
    ["CSIDriver", { spec: {} }, { spec: { podInfoOnMount: true, fsGroupPolicy: "None", seLinuxMount: true } }],
    ["CSINode", drivers({}), drivers({ allocatable: { count: 4 } }, { name: "b.io" })],
    ["CSINode", drivers({}), drivers()],
    [
      "CSIStorageCapacity",
      { storageClassName: "a" },
      { storageClassName: "a", capacity: "1Gi", maximumVolumeSize: "1" },
    ],
  ];
  for (const [name, before, after] of allowed) {
    const kind = kindOf(name);
    t.same(texts(kind.validateUpdate?.(make(kind, after), make(kind, before))), [], name);
  }
});

t.test("an attachment's status", async (t) => {
  const kind = kindOf("VolumeAttachment");
  const { status } = kind.subresources ?? {};
  const check = (value: object) =>
    texts(
      typeof status === "object" ? status.validate?.(make(kind, attachment({}, value)), make(kind, {})) : undefined,
    );
  t.same(check({ attached: true, attachmentMetadata: { path: "/dev/a" }, detachError: { errorCode: 8 } }), []);
  const message = "x".repeat(1025);
  t.same(check({ attachmentMetadata: { a: "x".repeat(256 * 1024) }, attachError: { message, errorCode: -1 } }), [
    "status.attachmentMetadata: Too long: may not be more than 262144 bytes",
    "status.attachError.message: Too long: may not be more than 1024 bytes",
    "status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
  ]);
});

t.test("columns", async (t) => {
  const row = (name: string, fields: object) =>
    (kindOf(name).columns ?? []).map((column) => [column.name, column.value(make(kindOf(name), fields), 0)]);
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  const noAge = (cells: unknown[][]) => cells.filter(([name]) => name !== "Age");
  t.same(noAge(row("StorageClass", { metadata: { name: "x", annotations }, provisioner: "p" })), [
    ["Name", "x (default)"],
    ["Provisioner", "p"],
    ["ReclaimPolicy", "Delete"],
    ["VolumeBindingMode", "Immediate"],
    ["AllowVolumeExpansion", false],
  ]);
  t.same(row("StorageClass", { provisioner: "p", allowVolumeExpansion: true })[4], ["AllowVolumeExpansion", true]);
  const off = { metadata: { name: "x", annotations: { "storageclass.kubernetes.io/is-default-class": "false" } } };
  t.same(row("StorageClass", off)[0], ["Name", "x"]);
  t.same(noAge(row("VolumeAttributesClass", { driverName: "d" })), [
    ["Name", "x"],
    ["DriverName", "d"],
  ]);
  t.same(noAge(row("VolumeAttachment", attachment({}, { attached: true }))), [
    ["Name", "x"],
    ["Attacher", "a.example.com"],
    ["PV", "pv"],
    ["Node", "n"],
    ["Attached", true],
  ]);
  t.same(noAge(row("CSIDriver", tokens({ audience: "a" }, { audience: "b" }))), [
    ["Name", "x"],
    ["AttachRequired", true],
    ["PodInfoOnMount", false],
    ["StorageCapacity", false],
    ["TokenRequests", "a,b"],
    ["RequiresRepublish", false],
    ["Modes", "Persistent"],
  ]);
  t.same(row("CSIDriver", { spec: {} })[4], ["TokenRequests", "<unset>"]);
  t.same(noAge(row("CSINode", drivers({}, { name: "b.io" }))), [
    ["Name", "x"],
    ["Drivers", 2],
  ]);
  t.same(row("CSIStorageCapacity", { storageClassName: "fast" }), [
    ["Name", "x"],
    ["StorageClassName", "fast"],
    ["Capacity", "<unset>"],
  ]);
});
