/** Volumes of the node itself, emptyDir and hostPath, and how parts of any volume are mounted. */
import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { openLab, until } from "./lab-session.js";
import { nodeConformance as conformance, runCases, type VolumeCase } from "./volume-cases.js";

const linux = `[LinuxOnly] ${conformance}`;
const emptyDirs = { default: { emptyDir: {} }, tmpfs: { emptyDir: { medium: "Memory" } } };
type Medium = keyof typeof emptyDirs;

function fileCase(medium: Medium, user: "root" | "non-root", mode: string): VolumeCase {
  const uid = user === "root" ? 0 : 1001;
  return {
    title: `emptyDir (${user},${mode},${medium})`,
    proves: [`[sig-storage] EmptyDir volumes should support (${user},${mode},${medium}) ${linux}`],
    volumes: { v: emptyDirs[medium] },
    user: uid,
    script: `echo hello > /v/f; chmod ${mode} /v/f; cat /v/f; stat -c '%a %u' /v/f; stat -fc %T /v`,
    output: new RegExp(`^hello\\n${mode.slice(1)} ${uid}\\n${medium === "tmpfs" ? "tmpfs" : "(?!tmpfs)"}`),
  };
}

const media = Object.keys(emptyDirs) as Medium[];
const emptyDirCases: VolumeCase[] = media.flatMap((medium) => [
  ...(["root", "non-root"] as const).flatMap((user) =>
    ["0644", "0666", "0777"].map((mode) => fileCase(medium, user, mode)),
  ),
  {
    title: `emptyDir on ${medium}: anybody may write`,
    proves: [
      `[sig-storage] EmptyDir volumes volume on ${medium === "default" ? "default medium" : medium} should have the correct mode ${linux}`,
    ],
    volumes: { v: emptyDirs[medium] },
    script: "stat -c %A /v; stat -fc %T /v",
    output: medium === "tmpfs" ? "drwxrwxrwx\ntmpfs\n" : /^drwxrwxrwx\n(?!tmpfs)/,
  },
  {
    title: `emptyDir on ${medium}: what is made in it belongs to the Pod's fsGroup`,
    volumes: { v: emptyDirs[medium] },
    user: 1000,
    pod: { fsGroup: 1234 },
    script: "stat -c '%a %g' /v; mkdir /v/d; echo x > /v/d/f; stat -c %g /v/d/f",
    output: "2777 1234\n1234\n",
  },
]);

const limited: VolumeCase[] = [
  {
    title: "emptyDir in memory is as large as its sizeLimit",
    volumes: { v: { emptyDir: { medium: "Memory", sizeLimit: "2Mi" } } },
    script: "dd if=/dev/zero of=/v/f bs=1M count=3 2>&1 | grep -o 'No space left.*'; stat -c %s /v/f",
    output: "No space left on device\n2097152\n",
  },
];

const atomic = "[sig-storage] Subpath Atomic writer volumes should support subpaths with";
const keyOf = (path: string) => [{ name: "v", mountPath: path, subPath: "key" }];
const readKey = (path: string) => `for i in 1 2 3; do cat ${path}; echo; done`;
const thrice = (text: string) => `${text}\n`.repeat(3);
const fromConfig = { configMap: { name: "settings", items: [{ key: "a", path: "key" }] } };
const subPathCases: VolumeCase[] = [
  {
    title: "subPath of a ConfigMap",
    proves: [`${atomic} configmap pod [Conformance]`],
    volumes: { v: fromConfig },
    mounts: keyOf("/file"),
    script: readKey("/file"),
    output: thrice("value-a"),
  },
  {
    title: "subPath of a ConfigMap in place of a file that is there",
    proves: [`${atomic} configmap pod with mountPath of existing file [Conformance]`],
    volumes: { v: fromConfig },
    mounts: keyOf("/etc/resolv.conf"),
    script: readKey("/etc/resolv.conf"),
    output: thrice("value-a"),
  },
  {
    title: "subPath of fields of the Pod",
    proves: [`${atomic} downward pod [Conformance]`],
    volumes: { v: { downwardAPI: { items: [{ path: "key", fieldRef: { fieldPath: "metadata.labels['cases']" } }] } } },
    mounts: keyOf("/file"),
    script: readKey("/file"),
    output: thrice("parts"),
  },
  {
    title: "subPath of a projected volume",
    proves: [`${atomic} projected pod [Conformance]`],
    volumes: { v: { projected: { sources: [fromConfig] } } },
    mounts: keyOf("/file"),
    script: readKey("/file"),
    output: thrice("value-a"),
  },
  {
    title: "subPath of a Secret",
    proves: [`${atomic} secret pod [Conformance]`],
    volumes: { v: { secret: { secretName: "keys", items: [{ key: "a", path: "key" }] } } },
    mounts: keyOf("/file"),
    script: readKey("/file"),
    output: thrice("secret-a"),
  },
];

const session = await openLab(t);
const ns = await session.namespace(t, "volumes-node");
await ns.apply(
  { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { a: "value-a" } },
  { apiVersion: "v1", kind: "Secret", metadata: { name: "keys" }, stringData: { a: "secret-a" } },
);

/** Looked at last: it takes a while until it is noticed. */
await ns.apply({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "filling" },
  spec: {
    terminationGracePeriodSeconds: 1,
    volumes: [{ name: "v", emptyDir: { sizeLimit: "1Mi" } }],
    containers: [
      {
        ...{ name: "main", image: "busybox:latest", imagePullPolicy: "IfNotPresent" },
        command: ["sh", "-c", "dd if=/dev/zero of=/v/f bs=1M count=2; trap 'exit 0' TERM; while :; do sleep 0.2; done"],
        volumeMounts: [{ name: "v", mountPath: "/v" }],
      },
    ],
  },
});

t.test("emptyDir", async (t) => {
  await runCases(t, ns, "emptydir", [...emptyDirCases, ...limited]);
});

t.test("parts of volumes", async (t) => {
  await runCases(t, ns, "parts", subPathCases);
});

const busybox = { image: "busybox:latest", imagePullPolicy: "IfNotPresent" };

t.test("containers of a Pod share a volume", async (t) => {
  proves(t, "[sig-storage] EmptyDir volumes pod should support shared volumes between containers [Conformance]");
  const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
  const container = (name: string, script: string) => ({
    ...{ name, ...busybox, volumeMounts },
    command: ["sh", "-c", script],
  });
  await ns.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "shared" },
    spec: {
      restartPolicy: "Never",
      volumes: [{ name: "shared", emptyDir: {} }],
      containers: [
        container("writer", "echo 'from the writer' > /shared/.new && mv /shared/.new /shared/message"),
        container("reader", "until [ -e /shared/message ]; do sleep 0.1; done; cat /shared/message"),
      ],
    },
  });
  await ns.kubectl(["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/shared", "--timeout=60s"]);
  t.equal(await ns.kubectl(["logs", "shared", "-c", "reader"]), "from the writer\n");
});

t.test("Secret and ConfigMap in one Pod, which goes without leaving anything", async (t) => {
  proves(t, "[sig-storage] EmptyDir wrapper volumes should not conflict [Conformance]");
  await ns.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "wrapped" },
    spec: {
      terminationGracePeriodSeconds: 1,
      volumes: [
        { name: "secret", secret: { secretName: "keys" } },
        { name: "config", configMap: { name: "settings" } },
      ],
      containers: [
        {
          name: "main",
          ...busybox,
          command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"],
          volumeMounts: ["secret", "config"].map((name) => ({ name, mountPath: `/${name}` })),
        },
      ],
    },
  });
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/wrapped", "--timeout=60s"]);
  t.equal(await ns.kubectl(["exec", "wrapped", "--", "cat", "/secret/a", "/config/a"]), "secret-avalue-a");
  const { metadata, spec } = await ns.get<Pod>("pod", "wrapped");
  const node = session.lab.node(spec.nodeName ?? "");
  const mounts = () => session.on(node, ["cat", "/proc/mounts"]);
  t.ok((await mounts()).includes(metadata.uid));
  await ns.kubectl(["delete", "pod", "wrapped"]);
  await until("its mounts gone", async () => !(await mounts()).includes(metadata.uid));
});

t.test("a Pod that fills an emptyDir beyond its sizeLimit is evicted", async (t) => {
  const { status } = await until("evicted", async () => {
    const found = await ns.get<Pod>("pod", "filling");
    return found.status?.phase === "Failed" && found;
  });
  t.match(status, { reason: "Evicted", message: 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ' });
  t.ok((await ns.eventsOf("filling")).some((event) => event.startsWith("Evicted: Usage of EmptyDir volume")));
});
