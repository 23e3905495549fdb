import t from "tap";
import type { Service } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { StatusError } from "#api/status-error.js";
import { FieldIndex } from "#apiserver/field-index.js";
import type { AdmissionContext, Kind } from "#resources/kind.js";
import { addressAt, addressRange, rangeHas } from "#resources/service/address-range.js";
import { service as kind } from "#resources/service/index.js";

const port80 = { port: 80 };

function make(spec: object, name = "s"): Service {
  const service = structuredClone({ metadata: { name, namespace: "default" }, spec }) as Service;
  kind.defaults?.(service);
  kind.prepareForCreate?.(service);
  return service;
}

const texts = (errors: { field: string; message: string }[] = []) => errors.map((e) => `${e.field}: ${e.message}`);

/** A cluster that holds what was stored before, as the API server's cache would. */
function cluster(serviceCIDRs = ["10.96.0.0/16"], nodePortRange: readonly [number, number] = [30000, 32767]) {
  const indexes = new Map(
    Object.entries((kind as Kind).indexes ?? {}).map(([name, indexer]) => [name, new FieldIndex(indexer)]),
  );
  const context = {
    operation: "CREATE",
    dryRun: false,
    index: (_: unknown, name: string) => indexes.get(name)?.byValue,
    cluster: { serviceCIDRs, nodePortRange },
  } as unknown as AdmissionContext;
  const write = (service: Service, old?: Service) => {
    kind.admission?.allocate?.(service, old, context);
    for (const index of indexes.values()) index.set(keyOf(service), service);
    return service;
  };
  return { write, create: (spec: object, name?: string) => write(make(spec, name)) };
}

function update(old: Service, edit: (spec: Service["spec"]) => unknown): Service {
  const next = structuredClone(old);
  edit(next.spec);
  kind.defaults?.(next);
  kind.prepareForUpdate?.(next, old);
  return next;
}

function failure(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof StatusError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "no error";
}

t.test("defaults", async (t) => {
  t.same(make({ ports: [port80] }).spec, {
    ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
    sessionAffinity: "None",
    type: "ClusterIP",
    internalTrafficPolicy: "Cluster",
  });
  const balanced = make({ type: "LoadBalancer", sessionAffinity: "ClientIP", ports: [port80] }).spec;
  t.equal(balanced?.externalTrafficPolicy, "Cluster");
  t.equal(balanced?.allocateLoadBalancerNodePorts, true);
  t.same(balanced?.sessionAffinityConfig, { clientIP: { timeoutSeconds: 10800 } });
});

const cases: [string, object, string[]][] = [
  ["plain", { ports: [port80] }, []],
  ["no ports", {}, ["spec.ports: Required value"]],
  ["headless without ports", { clusterIP: "None" }, []],
  [
    "several ports need names",
    { ports: [{ name: "a", port: 80 }, { port: 81 }] },
    ["spec.ports[1].name: Required value"],
  ],
  [
    "unique ports",
    {
      ports: [
        { name: "a", port: 80 },
        { name: "a", port: 80 },
      ],
    },
    [
      'spec.ports[1].name: Duplicate value: "a"',
      'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80,"targetPort":0}',
    ],
  ],
  [
    "numbers and protocols",
    { ports: [{ port: 0, targetPort: "Web", protocol: "HTTP" }] },
    [
      "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
      'spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
      'spec.ports[0].targetPort: Invalid value: "Web": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
  ],
  [
    "node port of a ClusterIP service",
    { ports: [{ port: 80, nodePort: 30080 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    "headless node port service",
    { type: "NodePort", clusterIP: "None", ports: [port80] },
    ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
  ],
  [
    "external name",
    { type: "ExternalName", clusterIP: "10.96.0.7" },
    ["spec.clusterIPs: Forbidden: may not be set for ExternalName services", "spec.externalName: Required value"],
  ],
  [
    "type, affinity, selector",
    { type: "Cluster", sessionAffinity: "Cookie", selector: { app: "a b" }, ports: [port80] },
    [
      "spec.selector: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      'spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"',
      'spec.type: Unsupported value: "Cluster": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  ],
  [
    "no address",
    { clusterIP: "10.96.0", ports: [port80] },
    ['spec.clusterIPs[0]: Invalid value: "10.96.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ],
  [
    "addresses no node may answer for",
    { externalIPs: ["127.0.0.1", "1.2.3"], ports: [port80] },
    [
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'spec.externalIPs[1]: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  ],
  [
    "fields of load balancers",
    {
      loadBalancerClass: "a.b/c",
      loadBalancerSourceRanges: ["10.0.0.0/8"],
      allocateLoadBalancerNodePorts: false,
      ports: [port80],
    },
    [
      "spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
  ],
  [
    "a load balancer on the kubelet's port, from nowhere",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0"], ports: [{ port: 10250 }] },
    [
      "spec.ports[0].port: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet",
      'spec.loadBalancerSourceRanges[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  ],
  [
    "affinity for ever",
    {
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } },
      trafficDistribution: "Near",
      internalTrafficPolicy: "Here",
      ports: [port80],
    },
    [
      "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
      'spec.internalTrafficPolicy: Unsupported value: "Here": supported values: "Cluster", "Local"',
      'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
  ],
  [
    "traffic policy of an internal service",
    { externalTrafficPolicy: "Local", ports: [port80] },
    ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
  ],
];

for (const [name, spec, expected] of cases)
  t.test(name, async (t) => t.same(texts(kind.validate?.(make(spec))), expected));

t.test("an address and families are allocated above the reserved band", async (t) => {
  const { create } = cluster();
  const range = addressRange("10.96.0.0/16");
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const { spec } = create({ ports: [port80] }, `s${i}`);
    t.same(spec.clusterIPs, [spec.clusterIP]);
    t.ok(rangeHas(range, spec.clusterIP!));
    t.notMatch(spec.clusterIP, /^10\.96\.0\./, "the first 256 are for those who ask");
    seen.add(spec.clusterIP!);
    t.same([spec.ipFamilies, spec.ipFamilyPolicy], [["IPv4"], "SingleStack"]);
  }
  t.equal(seen.size, 200);
});

t.test("asking for an address", async (t) => {
  const { create } = cluster();
  t.equal(create({ clusterIP: "10.96.0.10", ports: [port80] }, "dns").spec.clusterIP, "10.96.0.10");
  t.equal(
    failure(() => create({ clusterIP: "10.96.0.10", ports: [port80] })),
    '422 Service "s" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
  );
  t.match(
    failure(() => create({ clusterIP: "10.97.0.1", ports: [port80] })),
    "failed to allocate IP 10.97.0.1: the provided IP (10.97.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16",
  );
  t.match(
    failure(() => create({ ipFamilies: ["IPv6"], ports: [port80] })),
    "not configured on this cluster",
  );
});

t.test("headless and external services have no address", async (t) => {
  const { create } = cluster();
  const headless = create({ clusterIP: "None", selector: { app: "a" }, ports: [port80] }).spec;
  t.same([headless.clusterIP, headless.clusterIPs, headless.ipFamilies], ["None", ["None"], ["IPv4"]]);
  const selectorless = create({ clusterIP: "None" }).spec;
  t.same([selectorless.ipFamilies, selectorless.ipFamilyPolicy], [["IPv4", "IPv6"], "RequireDualStack"]);
  t.notOk(create({ type: "ExternalName", externalName: "example.com" }).spec.clusterIP);
});

t.test("a full range says so, after the reserved band was used too", async (t) => {
  const { create } = cluster(["10.96.0.0/29"]);
  const given = Array.from({ length: 6 }, (_, i) => create({ ports: [port80] }, `s${i}`).spec.clusterIP);
  t.equal(new Set(given).size, 6);
  t.match(
    failure(() => create({ ports: [port80] })),
    "range is full",
  );
});

t.test("two families where the cluster has two", async (t) => {
  const { create } = cluster(["10.96.0.0/16", "fd00::/112"]);
  const { spec } = create({ ipFamilyPolicy: "PreferDualStack", ports: [port80] });
  t.same(spec.ipFamilies, ["IPv4", "IPv6"]);
  t.match(spec.clusterIPs?.[1], /^fd00::/);
  t.equal(addressAt(addressRange("fd00::/112"), 0n), "fd00::1");
});

t.test("node ports", async (t) => {
  const { create } = cluster();
  const chosen = create({ type: "NodePort", ports: [port80] }, "a").spec.ports?.[0]?.nodePort ?? 0;
  t.ok(chosen >= 30086 && chosen <= 32767, `${chosen}`);
  create({ type: "NodePort", ports: [{ port: 80, nodePort: 30007 }] }, "b");
  t.equal(
    failure(() => create({ type: "NodePort", ports: [{ port: 80, nodePort: 30007 }] })),
    '422 Service "s" is invalid: spec.ports[0].nodePort: Invalid value: 30007: provided port is already allocated',
  );
  t.match(
    failure(() => create({ type: "NodePort", ports: [{ port: 80, nodePort: 80 }] })),
    "provided port is not in the valid range. The range of valid ports is 30000-32767",
  );
  const dns = [
    { name: "tcp", port: 53 },
    { name: "udp", port: 53, protocol: "UDP" },
  ];
  const { ports } = create({ type: "NodePort", ports: dns }, "dns").spec;
  t.equal(ports?.[0]?.nodePort, ports?.[1]?.nodePort);
});

t.test("an update keeps what was allocated and drops what is no longer needed", async (t) => {
  const { create, write } = cluster();
  const old = create({ type: "NodePort", ports: [port80] });
  const { clusterIP } = old.spec;
  const { nodePort } = old.spec.ports![0]!;
  const applied = update(old, (spec) => {
    Object.assign(spec, { clusterIP: undefined, clusterIPs: undefined, ports: [{ port: 8080 }] });
  });
  t.equal(applied.spec.clusterIP, clusterIP);
  t.equal(applied.spec.ports?.[0]?.nodePort, nodePort);
  t.same(texts(kind.validateUpdate?.(applied, old)), []);

  const internal = update(old, (spec) => Object.assign(spec, { type: "ClusterIP" }));
  t.same(internal.spec.ports, [{ port: 80, protocol: "TCP", targetPort: 80 }]);
  t.notOk(internal.spec.externalTrafficPolicy);
  t.same(texts(kind.validate?.(internal)), []);

  const external = update(internal, (spec) => Object.assign(spec, { type: "ExternalName", externalName: "a.b" }));
  t.same(texts(kind.validate?.(external)), []);
  t.notOk(external.spec.clusterIP);
  t.ok(write(update(external, (spec) => Object.assign(spec, { type: "ClusterIP" }))).spec.clusterIP);

  const moved = update(old, (spec) => Object.assign(spec, { clusterIP: "10.96.9.9" }));
  t.same(texts(kind.validateUpdate?.(moved, old)), [
    'spec.clusterIPs[0]: Invalid value: ["10.96.9.9"]: may not change once set',
  ]);
});

t.test("a load balancer's class and health check port stay as they are", async (t) => {
  const { create } = cluster();
  const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", loadBalancerClass: "a.b/c", ports: [port80] };
  const old = create(spec);
  t.ok(old.spec.healthCheckNodePort);
  const changed = update(old, (next) => Object.assign(next, { loadBalancerClass: "d/e", healthCheckNodePort: 31000 }));
  t.same(texts(kind.validateUpdate?.(changed, old)), [
    'spec.loadBalancerClass: Invalid value: "d/e": may not change once set',
    "spec.healthCheckNodePort: Forbidden: field is immutable",
  ]);
  old.status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
  const plain = update(old, (next) => Object.assign(next, { type: "ClusterIP" }));
  t.same(plain.status, { loadBalancer: {} }, "the addresses go with the type");
  t.same(
    [plain.spec.healthCheckNodePort, plain.spec.loadBalancerClass, plain.spec.externalTrafficPolicy],
    [undefined, undefined, undefined],
  );
  t.same(texts(kind.validate?.(plain)), []);
});

t.test("the second family is released only on purpose", async (t) => {
  const { create } = cluster(["10.96.0.0/16", "fd00::/112"]);
  const old = create({ ipFamilyPolicy: "PreferDualStack", ports: [port80] });
  const [first] = old.spec.clusterIPs ?? [];
  const one = (policy: string) =>
    update(old, (next) => Object.assign(next, { clusterIPs: [first], ipFamilies: ["IPv4"], ipFamilyPolicy: policy }));
  t.same(texts(kind.validateUpdate?.(one("PreferDualStack"), old)), [
    "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when releasing the secondary clusterIP",
    "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when releasing the secondary ipFamily",
  ]);
  t.same(texts(kind.validateUpdate?.(one("SingleStack"), old)), []);
});

t.test("status: where a load balancer is reached", async (t) => {
  const { status } = kind.subresources ?? {};
  const of = (type: string, ...ingress: object[]) => {
    const object = { ...make({ type, ports: [port80] }), status: { loadBalancer: { ingress } } } as Service;
    if (typeof status === "object") status.prepare?.(object, object);
    const errors = typeof status === "object" ? status.validate?.(object, object) : undefined;
    return { object, errors: texts(errors) };
  };
  t.match(of("LoadBalancer", { ip: "192.0.2.1" }).object.status?.loadBalancer?.ingress, [{ ipMode: "VIP" }]);
  t.same(of("LoadBalancer", { ip: "x" }, { hostname: "1.2.3.4", ipMode: "VIP" }).errors, [
    'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    "status.loadBalancer.ingress[1].ipMode: Forbidden: may not be specified when `ip` is not set",
    'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
  ]);
  t.same(of("ClusterIP", { ip: "192.0.2.1" }).errors, [
    "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
  ]);
});
