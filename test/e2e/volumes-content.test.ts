/** Volumes made of API objects: ConfigMaps, Secrets, fields of the Pod, and several of them in one. */
import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import type { Node, Pod, Volume } from "#api/generated/types.js";
import { quantityValue } from "#api/quantity.js";
import { logFile } from "#scripts/lab/processes.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";
import { nodeConformance as conformance, runCases, type VolumeCase } from "./volume-cases.js";

type Source = Omit<Volume, "name">;
interface Files {
  items?: { key: string; path: string; mode?: number }[];
  optional?: boolean;
}
/** One sort of volume in its own form and as part of a projected one: the tests upstream are the same. */
interface Sort {
  upstream: string;
  of(name: string, files?: Files, defaultMode?: number): Source;
}

const linux = `[LinuxOnly] ${conformance}`;
const project = (source: object, defaultMode?: number): Source => ({ projected: { sources: [source], defaultMode } });
const sorts: Record<"configMaps" | "secrets", Sort[]> = {
  configMaps: [
    {
      upstream: "[sig-storage] ConfigMap",
      of: (name, files, defaultMode) => ({ configMap: { name, ...files, defaultMode } }),
    },
    {
      upstream: "[sig-storage] Projected configMap",
      of: (name, files, defaultMode) => project({ configMap: { name, ...files } }, defaultMode),
    },
  ],
  secrets: [
    {
      upstream: "[sig-storage] Secrets",
      of: (secretName, files, defaultMode) => ({ secret: { secretName, ...files, defaultMode } }),
    },
    {
      upstream: "[sig-storage] Projected secret",
      of: (name, files, defaultMode) => project({ secret: { name, ...files } }, defaultMode),
    },
  ],
};

const mapped = { items: [{ key: "data-2", path: "path/to/data-2" }] };
const mappedWithMode = { items: [{ key: "data-2", path: "path/to/data-2", mode: 0o400 }] };
const look = (path: string) => `cat /v/${path}; stat -Lc ' %A %u:%g' /v/${path}`;

function configMapCases({ upstream, of }: Sort): VolumeCase[] {
  const v = (files?: Files, defaultMode?: number) => ({ v: of("settings", files, defaultMode) });
  const name = (words: string, tags = conformance) => [`${upstream} should be consumable ${words} ${tags}`];
  return [
    {
      title: `${upstream}: keys are files`,
      proves: name("from pods in volume"),
      volumes: v(),
      script: `${look("data-1")}; ls /v | tr '\\n' ' '; echo`,
      output: "value-1 -rw-r--r-- 0:0\ndata-1 data-2 data-3 \n",
    },
    {
      title: `${upstream}: defaultMode`,
      proves: name("from pods in volume with defaultMode set", linux),
      volumes: v(undefined, 0o400),
      script: look("data-1"),
      output: "value-1 -r-------- 0:0\n",
    },
    {
      title: `${upstream}: read by a user other than root`,
      proves: name("from pods in volume as non-root"),
      volumes: v(),
      user: 1000,
      script: `id -u; ${look("data-1")}`,
      output: "1000\nvalue-1 -rw-r--r-- 0:0\n",
    },
    {
      title: `${upstream}: items put keys elsewhere, and leave out the others`,
      proves: name("from pods in volume with mappings"),
      volumes: v(mapped),
      script: `${look("path/to/data-2")}; ls /v`,
      output: "value-2 -rw-r--r-- 0:0\npath\n",
    },
    {
      title: `${upstream}: an item's own mode`,
      proves: name("from pods in volume with mappings and Item mode set", linux),
      volumes: v(mappedWithMode),
      script: look("path/to/data-2"),
      output: "value-2 -r-------- 0:0\n",
    },
    {
      title: `${upstream}: items read by a user other than root`,
      proves: name("from pods in volume with mappings as non-root"),
      volumes: v(mapped),
      user: 1000,
      script: `id -u; ${look("path/to/data-2")}`,
      output: "1000\nvalue-2 -rw-r--r-- 0:0\n",
    },
    {
      title: `${upstream}: one object in two volumes`,
      proves: name("in multiple volumes in the same pod"),
      volumes: { v: of("settings"), w: of("settings") },
      script: "cat /v/data-1; echo; cat /w/data-1; echo",
      output: "value-1\nvalue-1\n",
    },
  ];
}

function secretCases({ upstream, of }: Sort): VolumeCase[] {
  const v = (files?: Files, defaultMode?: number) => ({ v: of("keys", files, defaultMode) });
  const name = (words: string, tags = conformance) => [`${upstream} should be consumable ${words} ${tags}`];
  return [
    {
      title: `${upstream}: keys are files, in memory`,
      proves: name("from pods in volume"),
      volumes: v(),
      script: `${look("data-1")}; stat -fc %T /v`,
      output: "value-1 -rw-r--r-- 0:0\ntmpfs\n",
    },
    {
      title: `${upstream}: defaultMode`,
      proves: name("from pods in volume with defaultMode set", linux),
      volumes: v(undefined, 0o400),
      script: look("data-1"),
      output: "value-1 -r-------- 0:0\n",
    },
    {
      title: `${upstream}: defaultMode and fsGroup, read by a user of that group`,
      proves: name("from pods in volume as non-root with defaultMode and fsGroup set", linux),
      volumes: v(undefined, 0o440),
      user: 1000,
      pod: { fsGroup: 1001 },
      script: `id -u; ${look("data-1")}; (echo x > /v/data-1) 2>/dev/null || echo refused`,
      output: "1000\nvalue-1 -r--r----- 0:1001\nrefused\n",
    },
    {
      title: `${upstream}: items put keys elsewhere`,
      proves: name("from pods in volume with mappings"),
      volumes: v(mapped),
      script: `${look("path/to/data-2")}; ls /v`,
      output: "value-2 -rw-r--r-- 0:0\npath\n",
    },
    {
      title: `${upstream}: an item's own mode`,
      proves: name("from pods in volume with mappings and Item Mode set", linux),
      volumes: v(mappedWithMode),
      script: look("path/to/data-2"),
      output: "value-2 -r-------- 0:0\n",
    },
    {
      title: `${upstream}: one object in two volumes`,
      proves: name("in multiple volumes in a pod"),
      volumes: { v: of("keys"), w: of("keys") },
      script: "cat /v/data-1; echo; cat /w/data-1; echo",
      output: "value-1\nvalue-1\n",
    },
  ];
}

interface DownwardItem {
  path: string;
  fieldRef?: { fieldPath: string };
  resourceFieldRef?: { containerName: string; resource: string };
  mode?: number;
}
const downwards = [
  {
    upstream: "[sig-storage] Downward API volume",
    of: (items: DownwardItem[], defaultMode?: number): Source => ({ downwardAPI: { items, defaultMode } }),
  },
  {
    upstream: "[sig-storage] Projected downwardAPI",
    of: (items: DownwardItem[], defaultMode?: number): Source => project({ downwardAPI: { items } }, defaultMode),
  },
];
const field = (path: string, fieldPath: string, mode?: number) => ({ path, fieldRef: { fieldPath }, mode });
const podName = (mode?: number) => field("podname", "metadata.name", mode);
const RESOURCES = ["limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
const readAll = "for f in /v/*; do cat $f; echo; done";

function downwardCases({ upstream, of }: (typeof downwards)[number], { cpu, memory }: Record<string, string>) {
  const resources = (names: string[]) => (containerName: string) => ({
    v: of(names.map((resource) => ({ path: resource, resourceFieldRef: { containerName, resource } }))),
  });
  const provide = (words: string) => `${upstream} should provide ${words} ${conformance}`;
  const cases: VolumeCase[] = [
    {
      title: `${upstream}: the Pod's name`,
      proves: [provide("podname only")],
      volumes: { v: of([podName()]) },
      script: `${look("podname")}; ls /v`,
      output: "content-0 -rw-r--r-- 0:0\npodname\n",
    },
    {
      title: `${upstream}: defaultMode`,
      proves: [`${upstream} should set DefaultMode on files ${linux}`],
      volumes: { v: of([podName()], 0o400) },
      script: look("podname"),
      output: "content-0 -r-------- 0:0\n",
    },
    {
      title: `${upstream}: an item's own mode`,
      proves: [`${upstream} should set mode on item file ${linux}`],
      volumes: { v: of([podName(0o400)]) },
      script: look("podname"),
      output: "content-0 -r-------- 0:0\n",
    },
    {
      title: `${upstream}: limits and requests of the container`,
      proves: ["cpu limit", "memory limit", "cpu request", "memory request"].map((r) => provide(`container's ${r}`)),
      volumes: resources(RESOURCES),
      script: readAll,
      container: {
        resources: { requests: { cpu: "250m", memory: "32Mi" }, limits: { cpu: "1250m", memory: "64Mi" } },
      },
      output: "2\n67108864\n1\n33554432\n",
    },
    {
      title: `${upstream}: what the node has to give stands for limits that are not set`,
      proves: ["cpu", "memory"].map((r) =>
        provide(`node allocatable (${r}) as default ${r} limit if the limit is not set`),
      ),
      volumes: resources(RESOURCES.slice(0, 2)),
      script: readAll,
      output: `${cpu}\n${quantityValue(memory ?? "0")}\n`,
    },
  ];
  return cases;
}

const session = await openLab(t);
const ns = await session.namespace(t, "volumes-content");
const data = { "data-1": "value-1", "data-2": "value-2", "data-3": "value-3" };
const binary = Buffer.from([0xde, 0xca, 0xfe, 0xba, 0xd0, 0xfe, 0xff]).toString("base64");
const configMap = (name: string, data: object, more = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
  ...more,
});
const secret = (name: string, stringData: object) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name },
  stringData,
});
await ns.apply(
  configMap("settings", data),
  configMap("binary", { text: "text data" }, { binaryData: { dump: binary } }),
  secret("keys", data),
);

/** A Pod whose objects all change while it runs; what came of it is looked at last. */
const live = await startLive();

t.test("what volumes show", async (t) => {
  const [node] = await ns.list<Node>("nodes");
  const elsewhere = await session.namespace(t, "volumes-elsewhere");
  await elsewhere.apply(secret("keys", { "data-1": "of another namespace" }));
  await runCases(t, ns, "content", [
    ...sorts.configMaps.flatMap(configMapCases),
    ...sorts.secrets.flatMap(secretCases),
    ...downwards.flatMap((sort) => downwardCases(sort, node?.status?.allocatable ?? {})),
    {
      title: "binary data of a ConfigMap beside its text",
      proves: [`[sig-storage] ConfigMap binary data should be reflected in volume ${conformance}`],
      volumes: { v: { configMap: { name: "binary" } } },
      script: "cat /v/text; echo; od -An -tx1 /v/dump",
      output: "text data\n de ca fe ba d0 fe ff\n",
    },
    {
      title: "a Secret of the same name in another namespace is another one",
      proves: [
        `[sig-storage] Secrets should be able to mount in a volume regardless of a different secret existing with same name in different namespace ${conformance}`,
      ],
      volumes: { v: { secret: { secretName: "keys" } } },
      script: look("data-1"),
      output: "value-1 -rw-r--r-- 0:0\n",
    },
    {
      title: "ConfigMap, Secret and fields of the Pod in one volume",
      proves: [
        "[sig-storage] Projected combined should project all components that make up the projection API [Projection] [NodeConformance] [Conformance]",
      ],
      volumes: {
        v: {
          projected: {
            sources: [
              { downwardAPI: { items: [podName()] } },
              { secret: { name: "keys", items: [{ key: "data-1", path: "secret-data" }] } },
              { configMap: { name: "settings", items: [{ key: "data-2", path: "configmap-data" }] } },
            ],
          },
        },
      },
      script: readAll,
      output: "value-2\ncontent-0\nvalue-1\n",
    },
    {
      title: "labels and annotations are lines of key and quoted value",
      volumes: {
        v: { downwardAPI: { items: [field("a", "metadata.annotations"), field("l", "metadata.labels['cases']")] } },
      },
      script: "grep ^note /v/a; cat /v/l; echo",
      output: 'note="of the Pod"\ncontent\n',
    },
  ]);
});

t.test("an immutable object stays as it is", async (t) => {
  const kinds = { configmap: configMap("fixed", { a: "1" }), secret: secret("fixed", { a: "1" }) };
  for (const [kind, object] of Object.entries(kinds)) {
    await t.test(kind, async (t) => {
      const title = kind === "secret" ? "Secrets" : "ConfigMap";
      proves(t, `[sig-storage] ${title} should be immutable if \`immutable\` field is set [Conformance]`);
      const patch = (body: object) =>
        ns.tryKubectl(["patch", kind, "fixed", "--type=merge", "-p", JSON.stringify(body)]);
      const value = (text: string) => ({ data: { a: Buffer.from(text).toString("base64") } });
      await ns.apply(object);
      t.equal((await patch(value("2"))).code, 0, "it can be changed before");
      t.equal((await patch({ immutable: true })).code, 0);
      for (const change of [{ immutable: false }, value("3"), { data: { a: null } }, { data: { b: "NA==" } }]) {
        const { code, stderr } = await patch(change);
        t.equal(code, 1, JSON.stringify(change));
        t.match(stderr, /field is immutable when `immutable` is set/);
      }
      t.equal((await patch({ metadata: { labels: { of: "metadata" } } })).code, 0, "its metadata may change");
      await ns.kubectl(["delete", kind, "fixed"]);
    });
  }
});

t.test("many Pods with many ConfigMaps at once", async (t) => {
  proves(
    t,
    "[sig-storage] EmptyDir wrapper volumes should not cause race condition when used for configmaps [Serial] [Conformance]",
  );
  const names = Array.from({ length: 50 }, (_, i) => `racing-${i}`);
  await ns.apply(
    ...names.map((name) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { key: name } })),
  );
  for (const round of [1, 2, 3]) {
    const labels = { app: `racing-${round}` };
    const container = {
      name: "main",
      image: "busybox:latest",
      imagePullPolicy: "IfNotPresent",
      command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"],
      volumeMounts: names.map((name) => ({ name, mountPath: `/etc/config/${name}` })),
      // Ready with all of them, each its own.
      readinessProbe: {
        exec: { command: ["sh", "-c", "cd /etc/config; for d in *; do [ $(cat $d/key) = $d ] || exit 1; done"] },
        periodSeconds: 1,
      },
    };
    await ns.apply({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: labels.app },
      spec: {
        replicas: 5,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 1,
            nodeName: session.lab.workers[0]?.name,
            volumes: names.map((name) => ({ name, configMap: { name } })),
            containers: [container],
          },
        },
      },
    });
    await ns.kubectl(["wait", "--for=jsonpath={.status.readyReplicas}=5", `replicaset/${labels.app}`, "--timeout=90s"]);
    await ns.kubectl(["delete", "replicaset", labels.app, "--cascade=foreground"]);
    t.pass(`round ${round}`);
  }
});

t.test("changes reach the volumes of a running Pod", async (t) => {
  for (const [i, { upstream }] of [...sorts.configMaps, ...sorts.secrets].entries()) {
    await t.test(upstream, async (t) => {
      if (i < 2) proves(t, `${upstream} updates should be reflected in volume ${conformance}`);
      proves(t, `${upstream} optional updates should be reflected in volume ${conformance}`);
      t.equal(live.before.get(`v${i}-updated/data-1`), "value-1");
      t.equal(live.before.get(`v${i}-deleted/data-1`), "value-1");
      t.notOk(live.before.has(`v${i}-created/data-1`));
      await live.shows(t, `v${i}-updated/data-1`, "changed");
      await live.shows(t, `v${i}-updated/data-2`, "new");
      await live.shows(t, `v${i}-updated/data-3`, undefined);
      await live.shows(t, `v${i}-created/data-1`, "value-1");
      await live.shows(t, `v${i}-deleted/data-1`, undefined);
    });
  }
});

t.test("a Pod's changed labels and annotations show in its volumes", async (t) => {
  const fields = ["labels", "annotations"].map((name) => field(name, `metadata.${name}`));
  const volumes = downwards.map(({ of }, i) => ({ name: `d${i}`, ...of(fields) }));
  const metadata = { labels: { key1: "value1", key2: "value2" }, annotations: { builder: "bar" } };
  const labelled = await startReader("labelled", volumes, metadata);
  const changes = [
    { what: "labels", before: 'key1="value1"\nkey2="value2"', after: 'key1="value1"\nkey2="value2"\nkey3="value3"' },
    { what: "annotations", before: /^builder="bar"/m, after: /^builder="foo"/m },
  ];
  for (const { what, before } of changes) for (const i of [0, 1]) await labelled.shows(t, `d${i}/${what}`, before);
  await ns.kubectl(["label", "pod", "labelled", "key3=value3"]);
  await ns.kubectl(["annotate", "--overwrite", "pod", "labelled", "builder=foo"]);
  for (const [i, { upstream }] of downwards.entries()) {
    await t.test(upstream, async (t) => {
      for (const { what, after } of changes) {
        proves(t, `${upstream} should update ${what} on modification ${conformance}`);
        await labelled.shows(t, `d${i}/${what}`, after);
      }
    });
  }
});

t.test("no log and no Event tells a secret", async (t) => {
  const text = "never-to-be-told";
  const base64 = Buffer.from(text).toString("base64");
  await ns.apply(secret("told", { key: text, "not-a-name": text }));
  const broken = { secret: { secretName: "told", items: [{ key: "none", path: "x" }] } };
  await ns.apply(
    pod("broken-volume", {}, { volumes: [{ name: "v", ...broken }] }),
    pod("broken-command", {
      command: ["/none", "$(KEY)"],
      env: [{ name: "KEY", valueFrom: { secretKeyRef: { name: "told", key: "key" } } }],
    }),
  );
  const failed = (name: string, reason: RegExp) =>
    until(`${name}: ${reason}`, async () => (await ns.eventsOf(name)).some((event) => reason.test(event)));
  await failed("broken-volume", /^FailedMount: .*references non-existent secret key: none/);
  await failed("broken-command", /^Failed: /);
  const { lab } = session;
  const files = [logFile(lab, lab.server, "server"), ...lab.workers.map((node) => logFile(lab, node, "agent"))];
  const told = [await ns.kubectl(["get", "events", "-o", "json"]), ...files.map((file) => readFileSync(file, "utf8"))];
  for (const log of told) t.notOk(log.includes(text) || log.includes(base64));
  await ns.kubectl(["delete", "pod", "broken-volume", "broken-command", "--wait=false"]);
});

/** A Pod that runs, with all volumes below /v. */
async function startReader(name: string, volumes: Volume[], metadata: object = {}) {
  const container = {
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"],
    volumeMounts: volumes.map((volume) => ({ name: volume.name, mountPath: `/v/${volume.name}` })),
  };
  const reader = pod(name, container, { volumes }) as Pod;
  Object.assign(reader.metadata, metadata);
  await ns.apply(reader);
  await ns.kubectl(["wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s"]);
  const script = "cd /v; for f in */*; do [ ! -e $f ] || echo $f '>' $(base64 -w0 < $f); done";
  const see = async () => {
    const lines = (await ns.kubectl(["exec", name, "--", "sh", "-c", script])).trim().split("\n");
    const files = lines.map((line) => line.split(" > "));
    return new Map(files.map(([path = "", text = ""]) => [path, Buffer.from(text, "base64").toString()]));
  };
  /** Undefined: there is no such file. */
  const shows = async (t: Test, path: string, wanted: string | RegExp | undefined) => {
    await until(`${path}: ${wanted}`, async () => {
      const text = (await see()).get(path);
      return wanted instanceof RegExp ? wanted.test(text ?? "") : text === wanted;
    });
    t.pass(`${path}: ${wanted}`);
  };
  return { see, shows };
}

/** The reader of ConfigMaps and Secrets, with all changes made that it is to see. */
async function startLive() {
  const optional = { optional: true };
  const volumes = [...sorts.configMaps, ...sorts.secrets].flatMap(({ of }, i) =>
    ["updated", "created", "deleted"].map((name) => ({ name: `v${i}-${name}`, ...of(name, optional) })),
  );
  const both = (name: string, values: Record<string, string>) => [configMap(name, values), secret(name, values)];
  await ns.apply(...both("updated", data), ...both("deleted", data));
  const reader = await startReader("live", volumes);
  const before = await reader.see();
  await ns.apply(...both("created", data));
  const changed = both("updated", { "data-1": "changed", "data-2": "new" });
  await ns.kubectl(["replace", "-f", "-"], changed.map((object) => `---\n${JSON.stringify(object)}\n`).join(""));
  await ns.kubectl(["delete", "configmap/deleted", "secret/deleted"]);
  return { ...reader, before };
}
