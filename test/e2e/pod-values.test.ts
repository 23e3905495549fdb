/** What a container finds when it runs: values, rights, files. Each Pod runs to its end and says what it saw as its last words. */
import t from "tap";
import type { Node, Pod } from "#api/generated/types.js";
import { nodes } from "#api/refs.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";
import { condition, lastWords, nodeConformance, nodeTest, PodWatch, sh, stateOf } from "./pod-watch.js";

interface Case {
  title: string;
  proves?: string[];
  container: object;
  spec?: object;
  metadata?: object;
  says: RegExp | string;
}

const say = (script: string) => sh(`{ ${script}\n} > /dev/termination-log 2>&1; true`);
const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const inFile = (key: string, optional = false) => ({
  name: key,
  valueFrom: { fileKeyRef: { volumeName: "config", path: "config.env", key, optional } },
});
const share = { volumes: [{ name: "v", emptyDir: {} }] };
const SETUID = {
  ...share,
  initContainers: [
    {
      name: "setuid",
      image: "nginx:latest",
      imagePullPolicy: "IfNotPresent",
      ...sh("cp /usr/sbin/nginx /v/program && chmod 4755 /v/program"),
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    },
  ],
};
/** nginx complains when it is not effectively root; its file belongs to root and is set-user-id. */
const asSetuid = (securityContext: object) => ({
  image: "nginx:latest",
  ...say("id -u; /v/program -t"),
  securityContext: { runAsUser: 1000, ...securityContext },
  volumeMounts: [{ name: "v", mountPath: "/v" }],
});
const NOT_ROOT = /^1000\n.*makes sense only if the master process runs with super-user privileges/;

const cases: Record<string, Case> = {
  "host-ips": {
    title: "addresses of the node",
    proves: [nodeConformance("Downward API should provide hostIPs as an env var")],
    container: { ...say("echo $IPS"), env: [field("IPS", "status.hostIPs")] },
    says: /^10\.89\.0\.1[12]\n$/,
  },
  privileges: {
    title: "without privileges the network cannot be changed",
    proves: [
      nodeConformance(
        "Security Context When creating a pod with privileged should run the container as unprivileged when false [LinuxOnly]",
      ),
    ],
    container: { ...say("ip link add dummy0 type bridge"), securityContext: { privileged: false } },
    says: /Operation not permitted/,
  },
  writable: {
    title: "a root file system that may be written",
    proves: [
      nodeConformance(
        "Security Context When creating a pod with readOnlyRootFilesystem should run the container with writable rootfs when readOnlyRootFilesystem=false",
      ),
    ],
    container: { ...say("echo checkfile > /file && cat /file"), securityContext: { readOnlyRootFilesystem: false } },
    says: "checkfile\n",
  },
  "no-escalation": {
    title: "no privilege escalation: set-user-id has no effect",
    proves: [
      nodeConformance(
        "Security Context when creating containers with AllowPrivilegeEscalation should not allow privilege escalation when false [LinuxOnly]",
      ),
    ],
    container: asSetuid({ allowPrivilegeEscalation: false }),
    spec: SETUID,
    says: NOT_ROOT,
  },
  escalation: {
    title: "privilege escalation when nothing is said",
    container: asSetuid({}),
    spec: SETUID,
    says: /^1000\n(?![\s\S]*super-user privileges)/,
  },
  seccomp: {
    title: "no filter of system calls where none is asked for",
    container: {
      ...say("grep ^Seccomp: /proc/self/status"),
      securityContext: { seccompProfile: { type: "Unconfined" } },
    },
    says: "Seccomp:\t0\n",
  },
  sysctls: {
    title: "sysctls of the Pod",
    proves: [
      "[sig-node] Sysctls [LinuxOnly] [NodeConformance] should support sysctls [Environment:NotInUserNS] [Conformance]",
    ],
    container: say("cat /proc/sys/kernel/shm_rmid_forced"),
    spec: { securityContext: { sysctls: [{ name: "kernel.shm_rmid_forced", value: "1" }] } },
    says: "1\n",
  },
  "sub-path": {
    title: "a subpath with the Pod's name in it",
    proves: [nodeTest("Variable Expansion should allow substituting values in a volume subpath")],
    container: {
      ...say("test -d /all/foo/sub-path && touch /one/seen && ls /all/foo/sub-path"),
      env: [field("POD_NAME", "metadata.name")],
      volumeMounts: [
        { name: "v", mountPath: "/one", subPathExpr: "foo/$(POD_NAME)" },
        { name: "v", mountPath: "/all" },
      ],
    },
    spec: share,
    says: "seen\n",
  },
  "sub-path-write": {
    title: "files written through a subpath taken from an annotation",
    proves: [nodeTest("Variable Expansion should succeed in writing subpaths in container")],
    container: {
      ...say("echo there > /one/test.log; cat /all/mypath/test.log"),
      env: [field("ANNOTATION", "metadata.annotations['mysubpath']")],
      volumeMounts: [
        { name: "v", mountPath: "/one", subPathExpr: "$(ANNOTATION)" },
        { name: "v", mountPath: "/all" },
      ],
    },
    spec: share,
    metadata: { annotations: { mysubpath: "mypath" } },
    says: "there\n",
  },
  aliases: {
    title: "host aliases are in /etc/hosts",
    proves: [
      nodeConformance("Kubelet when scheduling an agnhost Pod with hostAliases should write entries to /etc/hosts"),
    ],
    container: say("cat /etc/hosts"),
    spec: { hostAliases: [{ ip: "123.45.67.89", hostnames: ["foo", "bar"] }] },
    says: /^# Kubernetes-managed hosts file\.[\s\S]*# Entries added by HostAliases\.\n123\.45\.67\.89\tfoo\tbar\n$/,
  },
  services: {
    title: "where the namespace's Services are",
    proves: [nodeConformance("Pods should contain environment variables for services")],
    container: say("env | grep ^FOOSERVICE | sort"),
    says: new RegExp(
      [
        "^FOOSERVICE_PORT=tcp://(?<ip>[\\d.]+):8765",
        "FOOSERVICE_PORT_8765_TCP=tcp://\\k<ip>:8765",
        "FOOSERVICE_PORT_8765_TCP_ADDR=\\k<ip>",
        "FOOSERVICE_PORT_8765_TCP_PORT=8765",
        "FOOSERVICE_PORT_8765_TCP_PROTO=tcp",
        "FOOSERVICE_SERVICE_HOST=\\k<ip>",
        "FOOSERVICE_SERVICE_PORT=8765\n$",
      ].join("\n"),
    ),
  },
  filed: {
    title: "variables from a file that an init container wrote, in a volume that only it mounts",
    container: {
      ...say("echo $DB_ADDRESS; echo $MISSING"),
      env: [inFile("DB_ADDRESS"), inFile("MISSING", true)],
    },
    spec: {
      initContainers: [
        {
          name: "writer",
          image: "busybox:latest",
          imagePullPolicy: "IfNotPresent",
          ...sh(`printf '%s\\n' '# settings' "  DB_ADDRESS='the address' # of the database" > /data/config.env`),
          volumeMounts: [{ name: "config", mountPath: "/data" }],
        },
      ],
      volumes: [{ name: "config", emptyDir: {} }],
    },
    says: "the address\n\n",
  },
  runc: {
    title: "the runtime that a RuntimeClass names",
    proves: [nodeConformance("RuntimeClass should schedule a Pod requesting a RuntimeClass without PodOverhead")],
    container: say("echo ran"),
    spec: { runtimeClassName: "pod-values-runc" },
    says: "ran\n",
  },
};

t.jobs = 30;
const session = await openLab(t);
const ns = await session.namespace(t, "pod-values");
const watch = await PodWatch.open(t, ns);
const runtimeClass = (name: string, handler: string, more: object = {}) => ({
  apiVersion: "node.k8s.io/v1",
  kind: "RuntimeClass",
  metadata: { name },
  handler,
  ...more,
});
const classes = [
  runtimeClass("pod-values-runc", "runc"),
  runtimeClass("pod-values-none", "no-such-runtime"),
  runtimeClass("pod-values-heavy", "runc", { overhead: { podFixed: { cpu: "10m", memory: "1Mi" } } }),
];
t.teardown(() =>
  session.kubectl(["delete", "runtimeclass", ...classes.map(({ metadata }) => metadata.name), "--ignore-not-found"]),
);
await ns.apply(...classes, {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "fooservice" },
  spec: { ports: [{ port: 8765, targetPort: 8080 }], selector: { name: "nobody" } },
});

function podOf(name: string, { container, spec, metadata }: Case): object {
  const made = pod(name, container, { restartPolicy: "Never", ...spec }) as { metadata: object };
  return { ...made, metadata: { ...made.metadata, ...metadata } };
}

await watch.createAll(Object.entries(cases).map(([name, each]) => podOf(name, each)));

for (const [name, each] of Object.entries(cases)) {
  t.test(each.title, async (t) => {
    proves(t, ...(each.proves ?? []));
    const done = await watch.ended(name);
    t.equal(done.status?.phase, "Succeeded", JSON.stringify(done.status?.containerStatuses));
    if (typeof each.says === "string") t.equal(lastWords(done), each.says);
    else t.match(lastWords(done), each.says);
  });
}

t.test("limits that are not set are what the node can give", async (t) => {
  proves(t, nodeConformance("Downward API should provide default limits.cpu/memory from node allocatable"));
  const resource = (name: string, of: string) => ({ name, valueFrom: { resourceFieldRef: { resource: of } } });
  const env = [resource("CPU", "limits.cpu"), resource("MEMORY", "limits.memory")];
  await watch.create(pod("limits", { ...say("echo $CPU $MEMORY"), env }, { restartPolicy: "Never" }));
  const done = await watch.ended("limits");
  const node = await watch.client.get<Node>(nodes, done.spec.nodeName ?? "");
  const [cpu, memory] = lastWords(done).trim().split(" ");
  t.equal(cpu, node.status?.allocatable?.["cpu"]);
  t.match(memory, /^[1-9]\d{6,}$/);
});

t.test("subpaths that lead out of the volume", async (t) => {
  proves(t, nodeTest("Variable Expansion should fail substituting values in a volume subpath with backticks"));
  proves(t, nodeTest("Variable Expansion should fail substituting values in a volume subpath with absolute path"));
  const leading = (name: string, value: string) =>
    pod(
      name,
      {
        ...say("true"),
        env: [{ name: "P", value }],
        volumeMounts: [{ name: "v", mountPath: "/v", subPathExpr: "$(P)" }],
      },
      share,
    );
  await watch.createAll([leading("backticks", ".."), leading("absolute", "/tmp")]);
  const refused = (p: Pod) => stateOf(p).waiting?.reason === "CreateContainerConfigError";
  await Promise.all(["backticks", "absolute"].map((name) => watch.until(name, "refused", refused)));
  t.pass();
});

t.test("a subpath that cannot be is mended by an annotation", async (t) => {
  proves(
    t,
    "[sig-node] Variable Expansion should verify that a failing subpath expansion can be modified during the lifecycle of a container [Slow] [Conformance]",
  );
  const mount = { name: "v", mountPath: "/v", subPathExpr: "$(ANNOTATION)" };
  const env = [field("ANNOTATION", "metadata.annotations['mysubpath']")];
  const made = podOf("mended", {
    title: "",
    says: "",
    container: { ...sh("trap 'exit 0' TERM; while :; do sleep 0.1; done"), env, volumeMounts: [mount] },
    spec: { ...share, restartPolicy: "Always" },
    metadata: { annotations: { mysubpath: "/out" } },
  });
  await watch.create(made);
  await watch.until("mended", "refused", (p) => stateOf(p).waiting?.reason === "CreateContainerConfigError");
  await watch.patch("mended", { metadata: { annotations: { mysubpath: "mypath" } } });
  t.equal((await watch.ready("mended")).status?.phase, "Running");
});

t.test("/etc/hosts is the node agent's, unless the Pod has its own or is on the host's network", async (t) => {
  proves(t, nodeConformance("KubeletManagedEtcHosts should test kubelet managed /etc/hosts file"));
  const image = { image: "busybox:latest", imagePullPolicy: "IfNotPresent", ...say("cat /etc/hosts") };
  const own = { volumeMounts: [{ name: "own", mountPath: "/etc/hosts" }] };
  const containers = [
    { name: "one", ...image },
    { name: "two", ...image },
    { name: "three", ...image, ...own },
  ];
  const volumes = [{ name: "own", hostPath: { path: "/etc/hosts", type: "File" } }];
  await watch.createAll([
    pod("hosts", {}, { restartPolicy: "Never", containers, volumes }),
    pod("hosts-host", {}, { restartPolicy: "Never", hostNetwork: true, containers, volumes }),
  ]);
  const [ownNetwork, hostNetwork] = await Promise.all([watch.ended("hosts"), watch.ended("hosts-host")]);
  const MANAGED = "# Kubernetes-managed hosts file.\n";
  for (const name of ["one", "two"]) t.match(lastWords(ownNetwork, name), MANAGED);
  t.notMatch(lastWords(ownNetwork, "three"), MANAGED);
  for (const name of ["one", "two", "three"]) t.notMatch(lastWords(hostNetwork, name), MANAGED);
});

t.test("a seccomp profile that is a file of the node", async (t) => {
  const profile = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
  };
  const put = 'mkdir -p /var/lib/berth/agent/seccomp && cat > "/var/lib/berth/agent/seccomp/$1"';
  for (const worker of session.lab.workers)
    await session.on(worker, ["sh", "-c", put, "sh", "no-mkdir.json"], JSON.stringify(profile));
  const filtered = (name: string, localhostProfile: string) =>
    pod(name, say("mkdir /made 2>&1; grep ^Seccomp: /proc/self/status"), {
      restartPolicy: "Never",
      securityContext: { seccompProfile: { type: "Localhost", localhostProfile } },
    });
  await watch.createAll([filtered("filtered", "no-mkdir.json"), filtered("no-profile", "none.json")]);
  const refused = (p: Pod) => stateOf(p).waiting?.reason === "CreateContainerConfigError";
  const without = await watch.until("no-profile", "refused", refused);
  t.match(stateOf(without).waiting?.message, /^cannot load seccomp profile ".*none.json": ENOENT/);
  t.match(lastWords(await watch.ended("filtered")), /can't create directory.*Operation not permitted\nSeccomp:\t2\n$/);
});

t.test("groups of the Pod alone, and what the engine cannot give is refused", async (t) => {
  const strict = (more: object) => ({ supplementalGroupsPolicy: "Strict", supplementalGroups: [5000], ...more });
  const grouped = (name: string, spec: object) => pod(name, say("id -G"), { restartPolicy: "Never", ...spec });
  await watch.createAll([
    grouped("strict", { securityContext: strict({ runAsUser: 0, runAsGroup: 3000 }) }),
    grouped("unknown-group", { securityContext: strict({ runAsUser: 0 }) }),
    grouped("own-users", { hostUsers: false }),
  ]);
  t.equal(lastWords(await watch.ended("strict")), "3000 5000\n");
  const refused = (p: Pod) => stateOf(p).waiting?.reason === "CreateContainerConfigError";
  t.match(stateOf(await watch.until("unknown-group", "refused", refused)).waiting?.message, /needs runAsGroup/);
  await until("user namespaces are refused by name", async () =>
    (await ns.eventsOf("own-users")).some((event) => /^FailedCreatePodSandBox: .*hostUsers/.test(event)),
  );
});

t.test("a runtime that costs something", async (t) => {
  proves(
    t,
    nodeConformance("RuntimeClass should schedule a Pod requesting a RuntimeClass and initialize its Overhead"),
  );
  const made = await watch.create(
    pod("heavy", say("echo ran"), { restartPolicy: "Never", runtimeClassName: "pod-values-heavy" }),
  );
  t.same(made.spec.overhead, { cpu: "10m", memory: "1Mi" });
  await watch.until("heavy", "scheduled", (p) => condition(p, "PodScheduled")?.status === "True");
  t.equal(lastWords(await watch.ended("heavy")), "ran\n");
});

t.test("a runtime that the engine does not have is said", async (t) => {
  await watch.create(pod("no-runtime", say("true"), { runtimeClassName: "pod-values-none" }));
  const said = /^FailedCreatePodSandBox: .*no-such-runtime/;
  await watch.until("no-runtime", "taken on", ({ status }) => status?.startTime);
  await until("an Event", async () => (await watch.events("no-runtime")).some((text) => said.test(text)));
  t.pass();
});
