import t from "tap";
import type { Container, Pod, PodSpec } from "#api/generated/types.js";
import { pod as kind } from "#resources/pod/index.js";

const web: Container = { name: "web", image: "nginx:1.27" };

function make(spec: object): Pod {
  const pod = structuredClone({ metadata: { name: "p", namespace: "default" }, spec }) as Pod;
  kind.defaults?.(pod);
  return pod;
}

const texts = (errors: { field: string; message: string }[] | undefined) =>
  errors?.map((e) => `${e.field}: ${e.message}`);
const invalidate = (spec: object) => texts(kind.validate?.(make(spec)));
const withWeb = (fields: object) => ({ containers: [{ ...web, ...fields }] });

t.test("a plain pod is valid", async (t) => t.same(invalidate({ containers: [web] }), []));

const name63 =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const SEARCHES = ["_tcp.example.com.", ".", "-no", ...Array(30).fill("a".repeat(70))];

const cases: [string, object, string[]][] = [
  ["no containers", { containers: [] }, ["spec.containers: Required value"]],
  ["no containers field", {}, ["spec.containers: Required value"]],
  ["no image", { containers: [{ name: "web" }] }, ["spec.containers[0].image: Required value"]],
  ["bad container name", withWeb({ name: "Web" }), [`spec.containers[0].name: Invalid value: "Web": ${name63}`]],
  ["duplicate names", { containers: [web, web] }, ['spec.containers[1].name: Duplicate value: "web"']],
  [
    "init container shares a name",
    { containers: [web], initContainers: [web] },
    ['spec.initContainers[0].name: Duplicate value: "web"'],
  ],
  [
    "init container with a probe",
    { containers: [web], initContainers: [{ ...web, name: "i", readinessProbe: { exec: { command: ["true"] } } }] },
    [
      "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
    ],
  ],
  [
    "mount without a volume",
    withWeb({ volumeMounts: [{ name: "data", mountPath: "/data" }] }),
    ['spec.containers[0].volumeMounts[0].name: Not found: "data"'],
  ],
  [
    "two mounts on one path",
    {
      ...withWeb({
        volumeMounts: [
          { name: "v", mountPath: "/x" },
          { name: "v", mountPath: "/x" },
        ],
      }),
      volumes: [{ name: "v", emptyDir: {} }],
    },
    ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique'],
  ],
  [
    "two volume types",
    { containers: [web], volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/x" } }] },
    ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
  ],
  [
    "volume names",
    { containers: [web], volumes: [{ name: "v" }, { name: "v" }, { emptyDir: {} }] },
    ['spec.volumes[1].name: Duplicate value: "v"', "spec.volumes[2].name: Required value"],
  ],
  [
    "hostPath",
    { containers: [web], volumes: [{ name: "v", hostPath: { path: "/a/../b", type: "Dir" } }] },
    [
      "spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
      'spec.volumes[0].hostPath.type: Unsupported value: "Dir": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
  ],
  [
    "secret volume",
    { containers: [web], volumes: [{ name: "v", secret: { defaultMode: 512, items: [{ key: "", path: "/abs" }] } }] },
    [
      "spec.volumes[0].secret.secretName: Required value",
      "spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive",
      "spec.volumes[0].secret.items[0].key: Required value",
      'spec.volumes[0].secret.items[0].path: Invalid value: "/abs": must be a relative path',
    ],
  ],
  [
    "csi volume",
    { containers: [web], volumes: [{ name: "v", csi: { nodePublishSecretRef: {} } }] },
    ["spec.volumes[0].csi.driver: Required value", "spec.volumes[0].csi.nodePublishSecretRef.name: Required value"],
  ],
  [
    "projected volume",
    {
      containers: [web],
      volumes: [
        {
          name: "v",
          projected: {
            sources: [
              { secret: { name: "s", items: [{ key: "k", path: "a" }] } },
              { configMap: { name: "c", items: [{ key: "k", path: "a" }] } },
              { serviceAccountToken: { path: "..x", expirationSeconds: 2 ** 33 } },
              { secret: { name: "s" }, configMap: { name: "c" } },
            ],
          },
        },
      ],
    },
    [
      'spec.volumes[0].projected: Invalid value: "c": conflicting duplicate paths',
      "spec.volumes[0].projected.sources[2].serviceAccountToken.path: Invalid value: \"..x\": must not start with '..'",
      "spec.volumes[0].projected.sources[2].serviceAccountToken.expirationSeconds: Invalid value: 8589934592: may not specify a duration larger than 2^32 seconds",
      "spec.volumes[0].projected.sources[3]: Forbidden: may not specify more than 1 volume type",
    ],
  ],
  [
    "recursive read-only mounts",
    {
      ...withWeb({
        volumeMounts: [
          { name: "v", mountPath: "/a", recursiveReadOnly: "Enabled" },
          {
            ...{ name: "v", mountPath: "/b", readOnly: true, mountPropagation: "HostToContainer" },
            recursiveReadOnly: "IfPossible",
          },
          { name: "v", mountPath: "/c", recursiveReadOnly: "Always" },
          { name: "v", mountPath: "/d", readOnly: true, recursiveReadOnly: "Enabled" },
        ],
      }),
      volumes: [{ name: "v", image: { reference: "" } }],
    },
    [
      "spec.volumes[0].image.reference: Required value",
      "spec.containers[0].volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when readOnly is true",
      "spec.containers[0].volumeMounts[1].recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified",
      'spec.containers[0].volumeMounts[2].recursiveReadOnly: Unsupported value: "Always": supported values: "Disabled", "Enabled", "IfPossible"',
    ],
  ],
  [
    "ports",
    withWeb({
      ports: [
        { name: "http", containerPort: 80 },
        { name: "http", containerPort: 70000 },
        { containerPort: 1, protocol: "tcp" },
      ],
    }),
    [
      'spec.containers[0].ports[1].name: Duplicate value: "http"',
      "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
      'spec.containers[0].ports[2].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
    ],
  ],
  [
    "one host port twice",
    withWeb({
      ports: [
        { containerPort: 80, hostPort: 80 },
        { containerPort: 81, hostPort: 80 },
      ],
    }),
    ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//80"'],
  ],
  [
    "host network with another host port",
    { ...withWeb({ ports: [{ containerPort: 80, hostPort: 81 }] }), hostNetwork: true },
    ["spec.containers[0].ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true"],
  ],
  [
    "env",
    withWeb({
      env: [
        { name: "" },
        { name: "A", value: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.labels" } } },
        { name: "C", valueFrom: { fieldRef: { fieldPath: "no.such" } } },
        { name: "D", valueFrom: { configMapKeyRef: { name: "c", key: "" } } },
        { name: "E", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "3" } } },
      ],
    }),
    [
      "spec.containers[0].env[0].name: Required value",
      'spec.containers[0].env[1].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
      'spec.containers[0].env[2].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
      'spec.containers[0].env[3].valueFrom.fieldRef.fieldPath: Invalid value: "no.such": error converting fieldPath: field label not supported: no.such',
      "spec.containers[0].env[4].valueFrom.configMapKeyRef.key: Required value",
      'spec.containers[0].env[5].valueFrom.resourceFieldRef.divisor: Invalid value: "3": only divisor\'s values 1m and 1 are supported with the cpu resource',
    ],
  ],
  [
    "envFrom of nothing",
    withWeb({ envFrom: [{}] }),
    ['spec.containers[0].envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
  ],
  [
    "probes",
    withWeb({
      livenessProbe: { tcpSocket: { port: 80 }, exec: { command: ["true"] }, successThreshold: 2 },
      readinessProbe: {},
      startupProbe: { httpGet: { port: 0, scheme: "http" }, periodSeconds: -1 },
    }),
    [
      "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
      "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
      "spec.containers[0].readinessProbe: Required value: must specify a handler type",
      "spec.containers[0].startupProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
      'spec.containers[0].startupProbe.httpGet.scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS"',
      "spec.containers[0].startupProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
    ],
  ],
  [
    "more requested than limited",
    withWeb({ resources: { requests: { cpu: "2" }, limits: { cpu: "1", memory: "-1" } } }),
    [
      'spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      'spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],
  [
    "extended resource without a limit",
    withWeb({ resources: { requests: { "example.com/gpu": "1" } } }),
    ["spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"],
  ],
  [
    "policies",
    { ...withWeb({ imagePullPolicy: "Sometimes" }), restartPolicy: "always", dnsPolicy: "None" },
    [
      'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
      'spec.restartPolicy: Unsupported value: "always": supported values: "Always", "OnFailure", "Never"',
      "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
    ],
  ],
  [
    "DNS of one's own",
    {
      containers: [web],
      dnsConfig: {
        nameservers: ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.x"],
        searches: SEARCHES,
        options: [{ value: "5" }],
      },
    },
    [
      'spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.x"]: must not have more than 3 nameservers',
      'spec.dnsConfig.nameservers[3]: Invalid value: "1.1.1.x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      `spec.dnsConfig.searches: Invalid value: ${JSON.stringify(SEARCHES)}: must not have more than 32 search paths`,
      `spec.dnsConfig.searches: Invalid value: ${JSON.stringify(SEARCHES)}: must not have more than 2048 characters (including spaces) in the search list`,
      "spec.dnsConfig.searches[2]: Invalid value: \"-no\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')",
      "spec.dnsConfig.options[0]: Required value: must not be empty",
    ],
  ],
  [
    "deadline",
    { containers: [web], activeDeadlineSeconds: 0 },
    ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
  ],
  [
    "tolerations",
    {
      containers: [web],
      tolerations: [{ value: "x" }, { key: "a", operator: "Exists", effect: "NoSchedule", tolerationSeconds: 1 }],
    },
    [
      'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      "spec.tolerations[1].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
    ],
  ],
  [
    "affinity",
    {
      containers: [web],
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, podAffinityTerm: { topologyKey: "" } }],
        },
      },
    },
    [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
      "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100",
      "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Required value: can not be empty",
    ],
  ],
  [
    "security context",
    withWeb({ securityContext: { runAsUser: -1, privileged: true, allowPrivilegeEscalation: false } }),
    [
      "spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
      'spec.containers[0].securityContext: Invalid value: {"runAsUser":-1,"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ],
  ],
  [
    "ephemeral containers at birth",
    { containers: [web], ephemeralContainers: [{ ...web, name: "d" }] },
    ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
  ],
];

for (const [name, spec, expected] of cases) t.test(name, async (t) => t.same(invalidate(spec), expected));

const LIMITED =
  "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n";

function change(edit: (spec: PodSpec) => unknown): string[] | undefined {
  const old = make({ containers: [web], tolerations: [{ key: "a", operator: "Exists" }], activeDeadlineSeconds: 10 });
  const next = structuredClone(old);
  edit(next.spec);
  return texts(kind.validateUpdate?.(next, old));
}

t.test("an update may change little", async (t) => {
  t.same(
    change((spec) => spec),
    [],
  );
  t.same(
    change((spec) => Object.assign(spec.containers[0]!, { image: "nginx:1.28" })),
    [],
  );
  t.same(
    change((spec) => spec.tolerations?.push({ key: "b", operator: "Exists" })),
    [],
  );
  t.same(
    change((spec) => Object.assign(spec, { activeDeadlineSeconds: 5 })),
    [],
  );
  t.same(
    change((spec) => Object.assign(spec, { activeDeadlineSeconds: 11 })),
    ["spec.activeDeadlineSeconds: Invalid value: 11: must be less than or equal to previous value"],
  );
  t.same(
    change((spec) => spec.containers.push({ ...web, name: "more" })),
    ["spec.containers: Forbidden: pod updates may not add or remove containers"],
  );
  t.same(
    change((spec) => Object.assign(spec, { tolerations: [] })),
    ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
  );
  const renamed = change((spec) => Object.assign(spec, { hostname: "h" }));
  t.equal(renamed?.length, 1);
  t.equal(renamed?.[0], `${LIMITED}-  hostname: undefined\n+  hostname: "h"`);
});

t.test("only a node's own Pods are shown by mirrors", async (t) => {
  const mirror = { "kubernetes.io/config.mirror": "0123" };
  const with_ = (annotations: object, spec: object = {}) => {
    const pod = make({ containers: [web], ...spec });
    return { ...pod, metadata: { ...pod.metadata, annotations } } as typeof pod;
  };
  const field = "metadata.annotations[kubernetes.io/config.mirror]";
  t.same(texts(kind.validate?.(with_(mirror))), [
    `${field}: Invalid value: "0123": must set spec.nodeName if mirror pod annotation is set`,
  ]);
  t.same(texts(kind.validate?.(with_(mirror, { nodeName: "n" }))), []);
  t.same(texts(kind.validateUpdate?.(with_(mirror), with_({}))), [
    `${field}: Forbidden: may not add mirror pod annotation`,
  ]);
  t.same(texts(kind.validateUpdate?.(with_({}), with_(mirror))), [
    `${field}: Forbidden: may not remove or update mirror pod annotation`,
  ]);
});

t.test("warnings", async (t) => {
  const env = [{ name: "A" }, { name: "A" }];
  const spec = { ...withWeb({ env }), terminationGracePeriodSeconds: -1, resourceClaims: [{}] };
  t.same(kind.warnings?.(make(spec)), [
    "spec.resourceClaims: is stored, but this version of Berth does not act on it yet",
    "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
  ]);
  t.same(kind.warnings?.(make({ containers: [web] })), []);
});

t.test("a gated pod can be narrowed to fewer nodes, not moved", async (t) => {
  const old = make({ containers: [web], schedulingGates: [{ name: "g" }], nodeSelector: { a: "1" } });
  const withSelector = (nodeSelector: object) => {
    const next = structuredClone(old);
    Object.assign(next.spec, { nodeSelector, schedulingGates: [] });
    return kind.validateUpdate?.(next, old).length;
  };
  t.equal(withSelector({ a: "1", b: "2" }), 0);
  t.equal(withSelector({ a: "2" }), 1);
});
