import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { humanDuration } from "#resources/duration-text.js";
import { kinds } from "#resources/index.js";

const NOW = Date.parse("2026-01-01T01:00:00Z");

/** The cells of an object, by column: what `kubectl get -o wide` prints (ages are left to the renderer). */
function cells(kindName: string, object: object): Record<string, unknown> {
  const kind = kinds.find((k) => k.kind === kindName);
  const row = (kind?.columns ?? []).map((column) => [column.name, column.value(object as never, NOW)]);
  return Object.fromEntries(row);
}

const containers = [{ name: "a" }, { name: "b" }];
const running = { ready: true, restartCount: 0, state: { running: {} } };

function podRow(status: object, spec: object = {}, metadata: object = {}): string {
  const pod = { metadata: { name: "p", ...metadata }, spec: { containers, ...spec }, status };
  const row = cells("Pod", pod);
  return `${row["Ready"]} ${row["Status"]} ${row["Restarts"]}`;
}

const crashed = (reason: string | undefined, exitCode: number, signal = 0) => ({
  ready: false,
  restartCount: 0,
  state: { terminated: { reason, exitCode, signal } },
});

const initSpec = { initContainers: [{ name: "i" }, { name: "j" }] };
const started = { name: "i", restartCount: 0, state: { terminated: { exitCode: 0, reason: "Completed" } } };

const podCases: [string, string, object, object?, object?][] = [
  ["new", "0/2 Pending 0", { phase: "Pending" }],
  ["running", "2/2 Running 0", { phase: "Running", containerStatuses: [running, running] }],
  [
    "creating",
    "0/2 ContainerCreating 0",
    { phase: "Pending", containerStatuses: [{ restartCount: 0, state: { waiting: { reason: "ContainerCreating" } } }] },
  ],
  [
    "crash loop with its last restart",
    "1/2 CrashLoopBackOff 3 (5m ago)",
    {
      phase: "Running",
      containerStatuses: [
        {
          restartCount: 3,
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:55:00Z" } },
        },
        running,
      ],
    },
  ],
  [
    "completed",
    "0/2 Completed 0",
    { phase: "Succeeded", containerStatuses: [crashed("Completed", 0), crashed("Completed", 0)] },
  ],
  ["exit code without a reason", "0/2 ExitCode:7 0", { phase: "Failed", containerStatuses: [crashed(undefined, 7)] }],
  ["signal without a reason", "0/2 Signal:9 0", { phase: "Failed", containerStatuses: [crashed(undefined, 137, 9)] }],
  [
    "one ended, one runs",
    "1/2 NotReady 0",
    { phase: "Running", containerStatuses: [crashed("Completed", 0), running] },
  ],
  [
    "one ended, the pod is ready",
    "1/2 Running 0",
    {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [crashed("Completed", 0), running],
    },
  ],
  [
    "second init container",
    "0/2 Init:1/2 0",
    { phase: "Pending", initContainerStatuses: [started, { name: "j", restartCount: 0, state: { running: {} } }] },
    initSpec,
  ],
  [
    "init container fails",
    "0/2 Init:Error 0",
    {
      phase: "Pending",
      initContainerStatuses: [{ name: "i", restartCount: 0, state: { terminated: { exitCode: 1, reason: "Error" } } }],
    },
    initSpec,
  ],
  [
    "init container in a crash loop",
    "0/2 Init:CrashLoopBackOff 2",
    {
      phase: "Pending",
      initContainerStatuses: [{ name: "i", restartCount: 2, state: { waiting: { reason: "CrashLoopBackOff" } } }],
    },
    initSpec,
  ],
  [
    "a sidecar counts",
    "3/3 Running 0",
    {
      phase: "Running",
      initContainerStatuses: [{ name: "i", started: true, ...running }],
      containerStatuses: [running, running],
    },
    { initContainers: [{ name: "i", restartPolicy: "Always" }] },
  ],
  ["evicted", "0/2 Evicted 0", { phase: "Failed", reason: "Evicted" }],
  [
    "terminating",
    "2/2 Terminating 0",
    { phase: "Running", containerStatuses: [running, running] },
    {},
    { deletionTimestamp: "2026-01-01T00:59:00Z" },
  ],
  [
    "ended and deleted",
    "0/2 Completed 0",
    { phase: "Succeeded", containerStatuses: [crashed("Completed", 0)] },
    {},
    { deletionTimestamp: "x" },
  ],
  ["on a lost node", "0/2 Unknown 0", { phase: "Running", reason: "NodeLost" }, {}, { deletionTimestamp: "x" }],
  [
    "gated",
    "0/2 SchedulingGated 0",
    { phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] },
  ],
];

for (const [name, expected, status, spec, metadata] of podCases)
  t.test(`pod: ${name}`, async (t) => t.equal(podRow(status, spec, metadata), expected));

t.test("pod: wide columns", async (t) => {
  const empty = cells("Pod", { metadata: { name: "p" }, spec: { containers } } as unknown as Pod);
  t.match(empty, { IP: "<none>", Node: "<none>", "Nominated Node": "<none>", "Readiness Gates": "<none>" });
  const placed = cells("Pod", {
    metadata: { name: "p" },
    spec: { containers, nodeName: "n1", readinessGates: [{ conditionType: "a" }, { conditionType: "b" }] },
    status: { podIPs: [{ ip: "10.244.0.2" }], conditions: [{ type: "a", status: "True" }] },
  });
  t.match(placed, { IP: "10.244.0.2", Node: "n1", "Readiness Gates": "1/2" });
});

t.test("node", async (t) => {
  const row = cells("Node", {
    metadata: {
      name: "n",
      labels: { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "" },
    },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: "Ready", status: "True" }],
      addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
      nodeInfo: {
        kubeletVersion: "v1.35.0",
        osImage: "Debian",
        kernelVersion: "6.18",
        containerRuntimeVersion: "docker://20.10",
      },
    },
  });
  t.match(row, {
    Status: "Ready,SchedulingDisabled",
    Roles: "control-plane,worker",
    Version: "v1.35.0",
    "Internal-IP": "10.0.0.1",
    "External-IP": "<none>",
    "OS-Image": "Debian",
    "Container-Runtime": "docker://20.10",
  });
  t.match(cells("Node", { metadata: {}, spec: {} }), { Status: "Unknown", Roles: "<none>" });
});

t.test("service", async (t) => {
  const spec = {
    type: "NodePort",
    clusterIPs: ["10.96.1.2"],
    ports: [
      { port: 80, nodePort: 30080, protocol: "TCP" },
      { port: 53, protocol: "UDP" },
    ],
  };
  t.match(cells("Service", { metadata: {}, spec: { ...spec, selector: { b: "2", a: "1" } } }), {
    Type: "NodePort",
    "Cluster-IP": "10.96.1.2",
    "External-IP": "<none>",
    "Port(s)": "80:30080/TCP,53/UDP",
    Selector: "a=1,b=2",
  });
  t.match(cells("Service", { metadata: {}, spec: { ...spec, type: "LoadBalancer" } }), { "External-IP": "<pending>" });
  t.match(cells("Service", { metadata: {}, spec: { type: "ExternalName", externalName: "a.b" } }), {
    "Cluster-IP": "<none>",
    "External-IP": "a.b",
    "Port(s)": "<none>",
    Selector: "<none>",
  });
});

t.test("workloads", async (t) => {
  const spec = {
    replicas: 3,
    selector: { matchLabels: { app: "web" }, matchExpressions: [{ key: "tier", operator: "In", values: ["b", "a"] }] },
    template: {
      spec: {
        containers: [
          { name: "web", image: "nginx" },
          { name: "log", image: "busybox" },
        ],
      },
    },
  };
  const status = { replicas: 3, readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 };
  const wide = { Containers: "web,log", Images: "nginx,busybox", Selector: "app=web,tier in (a,b)" };
  t.match(cells("Deployment", { metadata: {}, spec, status }), {
    Ready: "2/3",
    "Up-to-date": 1,
    Available: 2,
    ...wide,
  });
  t.match(cells("ReplicaSet", { metadata: {}, spec, status }), { Desired: 3, Current: 3, Ready: 2, ...wide });
  const plain = { ...spec, selector: spec.selector.matchLabels };
  t.match(cells("ReplicationController", { metadata: {}, spec: plain, status }), {
    Desired: 3,
    ...wide,
    Selector: "app=web",
  });
});

t.test("event", async (t) => {
  const event = {
    metadata: { name: "p.1" },
    involvedObject: { kind: "Pod", name: "p", fieldPath: "spec.containers{web}" },
    source: { component: "kubelet", host: "n1" },
    message: "Started\n",
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T00:30:00Z",
    count: 4,
  };
  t.match(cells("Event", event), {
    "Last Seen": "2026-01-01T00:30:00Z",
    Object: "pod/p",
    Subobject: "spec.containers{web}",
    Source: "kubelet, n1",
    Message: "Started",
    Count: 4,
    Name: "p.1",
  });
  const series = { count: 9, lastObservedTime: "2026-01-01T00:40:00Z" };
  t.match(cells("Event", { ...event, series }), { "Last Seen": "2026-01-01T00:40:00Z", Count: 9 });
});

t.test("plain kinds", async (t) => {
  const addresses = ["1", "2", "3", "4"].map((n) => ({ ip: `10.0.0.${n}` }));
  t.match(cells("Endpoints", { metadata: {}, subsets: [{ addresses, ports: [{ port: 80 }] }] }), {
    Endpoints: "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...",
  });
  t.match(cells("Endpoints", { metadata: {} }), { Endpoints: "<none>" });
  t.match(cells("EndpointSlice", { metadata: {}, addressType: "IPv4", endpoints: [], ports: [{ port: 80 }] }), {
    AddressType: "IPv4",
    Ports: "80",
    Endpoints: "<unset>",
  });
  t.match(cells("ConfigMap", { metadata: {}, data: { a: "" }, binaryData: { b: "" } }), { Data: 2 });
  t.match(cells("Secret", { metadata: {}, type: "Opaque" }), { Type: "Opaque", Data: 0 });
  t.match(cells("Lease", { metadata: {}, spec: { holderIdentity: "n1" } }), { Holder: "n1" });
  t.match(cells("Namespace", { metadata: {}, status: { phase: "Active" } }), { Status: "Active" });
});

t.test("ingress", async (t) => {
  const rules = ["a", "b", "c", "d"].map((host) => ({ host }));
  const status = { loadBalancer: { ingress: [{ ip: "10.0.0.1" }, { hostname: "lb" }] } };
  t.match(cells("Ingress", { metadata: {}, spec: { rules, ingressClassName: "nginx", tls: [{}] }, status }), {
    Class: "nginx",
    Hosts: "a,b,c + 1 more...",
    Address: "10.0.0.1,lb",
    Ports: "80, 443",
  });
  const annotations = { "kubernetes.io/ingress.class": "old" };
  const bare = { metadata: { annotations }, spec: { defaultBackend: {}, rules: rules.slice(0, 3) } };
  t.match(cells("Ingress", bare), { Class: "old", Hosts: "a,b,c", Address: "", Ports: "80" });
  t.match(cells("Ingress", { metadata: {}, spec: { defaultBackend: {} } }), { Class: "<none>", Hosts: "*" });
  t.match(cells("IngressClass", { metadata: {}, spec: { controller: "a.io/b" } }), {
    Controller: "a.io/b",
    Parameters: "<none>",
  });
  const parameters = { apiGroup: "k8s.example.com", kind: "Config", name: "c" };
  t.match(cells("IngressClass", { metadata: {}, spec: { parameters } }), { Parameters: "Config.k8s.example.com/c" });
});

t.test("durations", async (t) => {
  const texts = [0, 119, 120, 130, 600, 10_799, 10_800, 28_740, 172_799, 172_800, 691_200, 63_072_000, 315_360_000].map(
    (seconds) => humanDuration(seconds * 1000),
  );
  t.same(texts, ["0s", "119s", "2m", "2m10s", "10m", "179m", "3h", "7h59m", "47h", "2d", "8d", "2y", "10y"]);
});
