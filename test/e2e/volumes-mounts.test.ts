/** How volumes are mounted: parts of them, links in them, read-only, with what is mounted later; and paths of the node. */
import t from "tap";
import type { Pod, PodSpec, Volume } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";
import { runCases, type VolumeCase } from "./volume-cases.js";

const node = "[sig-node] Variable Expansion should";
const emptyDir = { emptyDir: {} };
const sleeper = "trap 'exit 0' TERM; while :; do sleep 0.2; done";
const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });

const session = await openLab(t);
const ns = await session.namespace(t, "volumes-mounts");
const [first] = session.lab.workers;
if (!first) throw new Error("the lab has no node");
/** On the first node. */
const hostFolder = "/run/volumes-mounts";
await session.on(first, ["mkdir", "-p", `${hostFolder}/dir`, `${hostFolder}/outer/inner`]);
await session.on(first, ["touch", `${hostFolder}/file`]);
t.teardown(async () => {
  await session.on(first, ["umount", `${hostFolder}/outer/inner`]);
  await session.on(first, ["rm", "-r", hostFolder]);
});
const hostPath = (path: string, type?: string): Omit<Volume, "name"> => ({ hostPath: { path, type } });

const parts: VolumeCase[] = [
  {
    title: "variables in a subPathExpr",
    proves: [`${node} allow substituting values in a volume subpath [Conformance]`],
    volumes: { v: emptyDir },
    mounts: [
      { name: "v", mountPath: "/part", subPathExpr: "$(NAME)" },
      { name: "v", mountPath: "/whole" },
    ],
    container: { env: [{ name: "NAME", value: "foo" }] },
    script: "test -d /whole/foo; echo $?; echo x > /part/f; cat /whole/foo/f; stat -c %a /whole/foo",
    output: "0\nx\n777\n",
  },
  {
    title: "a subPath of a volume that belongs to the Pod's fsGroup does too",
    volumes: { v: emptyDir },
    mounts: [{ name: "v", mountPath: "/part", subPath: "a/b" }],
    pod: { fsGroup: 1234 },
    user: 1000,
    script: "stat -c '%a %g' /part; echo x > /part/f && stat -c %g /part/f",
    output: "2777 1234\n1234\n",
  },
  {
    title: "readOnly",
    volumes: { v: emptyDir },
    mounts: [{ name: "v", mountPath: "/v", readOnly: true }],
    script: "(echo x > /v/f) 2>&1 | grep -o 'Read-only.*'; grep -c ' /v .*\\bro\\b' /proc/mounts",
    output: "Read-only file system\n1\n",
  },
  {
    title: "readOnly all through, where nothing is mounted below",
    volumes: { v: emptyDir },
    mounts: [{ name: "v", mountPath: "/v", readOnly: true, recursiveReadOnly: "Enabled" }],
    script: "(echo x > /v/f) 2>&1 | grep -o 'Read-only.*'",
    output: "Read-only file system\n",
  },
  {
    title: "an image, whole and in part, read-only",
    volumes: { v: { image: { reference: "nginx:latest", pullPolicy: "IfNotPresent" } } },
    mounts: [
      { name: "v", mountPath: "/whole" },
      { name: "v", mountPath: "/part", subPath: "etc/nginx" },
    ],
    script:
      "test -s /whole/etc/passwd && test -s /part/nginx.conf && echo there; ls -d /whole/.dockerenv /whole/proc 2>&1 | grep -c No; (echo x > /whole/x) 2>&1 | grep -o 'Read-only.*'",
    output: "there\n2\nRead-only file system\n",
  },
  {
    title: "a colon in a path",
    volumes: { v: emptyDir },
    mounts: [{ name: "v", mountPath: "/a:b", subPath: "c:d" }],
    script: "echo x > /a:b/f; ls /a:b",
    output: "f\n",
  },
];

t.test("parts of volumes", (t) => runCases(t, ns, "parts", parts));

t.test("an image that is not there is told of", async (t) => {
  const image = { reference: "nothing.invalid/none:1", pullPolicy: "Never" };
  await ns.apply(pod("imageless", {}, { volumes: [{ name: "v", image }] }));
  const told = /^FailedMount: .*volume "v" : ErrImageNeverPull: .*nothing.invalid.none:1/;
  await until("the event", async () => (await ns.eventsOf("imageless")).some((event) => told.test(event)));
  await ns.kubectl(["delete", "pod", "imageless", "--wait=false"]);
  t.pass("told");
});

const onFirst = { nodeName: first.name };
const hostPaths: VolumeCase[] = [
  { title: "a directory", volumes: { v: hostPath(`${hostFolder}/dir`, "Directory") }, script: "stat -c %F /v" },
  { title: "a directory that is made", volumes: { v: hostPath(`${hostFolder}/d/e`, "DirectoryOrCreate") } },
  { title: "a directory without a type", volumes: { v: hostPath(`${hostFolder}/untyped`) } },
  { title: "a file", volumes: { v: hostPath(`${hostFolder}/file`, "File") } },
  { title: "a file that is made", volumes: { v: hostPath(`${hostFolder}/made`, "FileOrCreate") } },
  { title: "a socket", volumes: { v: hostPath("/run/docker.sock", "Socket") } },
  { title: "a device", volumes: { v: hostPath("/dev/null", "CharDevice") } },
].map((c, i) => ({
  script: "stat -c '%F %a' /v",
  ...c,
  output: [
    "directory\n",
    "directory 755\n",
    "directory 755\n",
    "regular empty file 644\n",
    "regular empty file 644\n",
    /^socket /,
    "character special file 666\n",
  ][i] as string | RegExp,
}));

t.test("paths of the node", async (t) => {
  await runCases(t, ns, "hostpath", hostPaths, onFirst);
  const wrong = { Directory: "file", File: "dir", Socket: "dir", CharDevice: "file", BlockDevice: "file" };
  const volumes = Object.entries(wrong).map(([type, name]) => ({
    name: type.toLowerCase(),
    ...hostPath(`${hostFolder}/${name}`, type),
  }));
  await ns.apply(pod("wrong", {}, { ...onFirst, volumes }));
  const told = await until("all are named", async () => {
    const events = (await ns.eventsOf("wrong")).filter((event) => event.startsWith("FailedMount"));
    return events.length >= volumes.length && events;
  });
  for (const { name } of volumes)
    t.ok(
      told.some((event) => event.includes(`volume "${name}" : hostPath type check failed`)),
      name,
    );
  await ns.kubectl(["delete", "pod", "wrong", "--wait=false"]);
});

/** Why the container waits. */
async function waits(name: string, message: RegExp, reason = "CreateContainerConfigError"): Promise<Pod> {
  return until(`${name} waits: ${message}`, async () => {
    const found = await ns.get<Pod>("pod", name);
    const { waiting } = found.status?.containerStatuses?.[0]?.state ?? {};
    return waiting?.reason === reason && message.test(waiting.message ?? "") && found;
  });
}

t.test("a subPath that leads elsewhere is refused", async (t) => {
  const mounts = (subPathExpr: string) => [{ name: "v", mountPath: "/part", subPathExpr }];
  const volumes = [{ name: "v", ...emptyDir }];
  const failing = (name: string, value: string) =>
    pod(name, { env: [{ name: "NAME", value }], volumeMounts: mounts("$(NAME)") }, { volumes });
  const linker = {
    name: "linker",
    image: "busybox:latest",
    imagePullPolicy: "IfNotPresent",
    command: ["sh", "-c", "ln -s /etc /v/out; ln -s inside /v/link; mkdir /v/inside; echo yes > /v/inside/f"],
    volumeMounts: [{ name: "v", mountPath: "/v" }],
  };
  const linked = (name: string, subPath: string) =>
    pod(name, { command: ["sh", "-c", "cat /part/f"], volumeMounts: [{ name: "v", mountPath: "/part", subPath }] }, {
      volumes,
      restartPolicy: "Never",
      initContainers: [linker],
    } as Partial<PodSpec>);
  await ns.apply(failing("up", ".."), failing("absolute", "/tmp"), linked("out", "out/made"), linked("in", "link"));
  await t.test("upwards", async (t) => {
    proves(t, `${node} fail substituting values in a volume subpath with backticks [Conformance]`);
    t.equal((await waits("up", /"\.\." must be a relative path/)).status?.phase, "Pending");
  });
  await t.test("an absolute path", async (t) => {
    proves(t, `${node} fail substituting values in a volume subpath with absolute path [Conformance]`);
    t.equal((await waits("absolute", /"\/tmp" must be a relative path/)).status?.phase, "Pending");
  });
  await t.test("a link out of the volume, other than one inside", async (t) => {
    await waits("out", /"out\/made" leads out of the volume/);
    await ns.kubectl(["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/in", "--timeout=60s"]);
    t.equal(await ns.kubectl(["logs", "in"]), "yes\n");
    await t.rejects(session.on(first, ["stat", "/etc/made"]), "nothing was made outside");
  });
  await ns.kubectl(["delete", "pod", "up", "absolute", "out", "in", "--wait=false"]);
});

t.test("a subPath made of an annotation", async (t) => {
  const container = {
    command: ["sh", "-c", sleeper],
    env: [field("POD_NAME", "metadata.name"), field("ANNOTATION", "metadata.annotations['mysubpath']")],
    volumeMounts: [
      { name: "v", mountPath: "/subpath_mount", subPathExpr: "$(ANNOTATION)/$(POD_NAME)" },
      { name: "v", mountPath: "/volume_mount" },
    ],
  };
  const volumes = [{ name: "v", ...emptyDir }];
  const annotated = (name: string, annotations: object) => {
    const made = pod(name, container, { volumes }) as Pod;
    return { ...made, metadata: { ...made.metadata, annotations } };
  };
  await ns.apply(annotated("written", { mysubpath: "mypath" }), annotated("late", { notmysubpath: "mypath" }));
  const ready = (name: string) => ns.kubectl(["wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s"]);
  const sh = (name: string, script: string) => ns.kubectl(["exec", name, "--", "sh", "-c", script]);

  await t.test("is written to, and stays when the annotation changes", async (t) => {
    proves(t, `${node} succeed in writing subpaths in container [Conformance]`);
    await ready("written");
    await sh("written", "touch /volume_mount/mypath/written/test.log");
    t.equal(await sh("written", "test -f /subpath_mount/test.log && echo there"), "there\n");
    await ns.kubectl(["annotate", "--overwrite", "pod", "written", "mysubpath=mynewpath"]);
    await ready("written");
    t.equal(await sh("written", "ls /volume_mount"), "mypath\n");
    await ns.kubectl(["delete", "pod", "written"]);
  });

  await t.test("comes into being with the annotation", async (t) => {
    proves(
      t,
      `${node} verify that a failing subpath expansion can be modified during the lifecycle of a container [Slow] [Conformance]`,
    );
    t.equal((await waits("late", /"\/late" must be a relative path/)).status?.phase, "Pending");
    await ns.kubectl(["annotate", "pod", "late", "mysubpath=mypath"]);
    await ready("late");
    t.equal(await sh("late", "ls /volume_mount/mypath"), "late\n");
    await ns.kubectl(["delete", "pod", "late"]);
  });
});

t.test("a container that starts again sees its subPath as it is then", async (t) => {
  const settings = (word: string) => ({
    ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" } },
    data: { word },
  });
  const container = {
    command: ["sh", "-c", sleeper],
    volumeMounts: [
      { name: "v", mountPath: "/word", subPath: "word" },
      { name: "v", mountPath: "/whole" },
    ],
  };
  await ns.apply(
    settings("old"),
    pod("again", container, { volumes: [{ name: "v", configMap: { name: "settings" } }] }),
  );
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/again", "--timeout=60s"]);
  const read = async (path: string) => (await ns.tryKubectl(["exec", "again", "--", "cat", path])).stdout;
  t.equal(await read("/word"), "old");
  await ns.apply(settings("new"));
  await ns.kubectl(["annotate", "pod", "again", "look=now"]);
  await until("the volume is up to date", async () => (await read("/whole/word")) === "new");
  t.equal(await read("/word"), "old", "what was mounted by itself stays");
  await ns.kubectl(["exec", "again", "--", "kill", "1"]);
  await until("the new word", async () => (await read("/word")) === "new");
  await ns.kubectl(["delete", "pod", "again"]);
});

t.test("what is mounted on the node later", async (t) => {
  const volumes = [{ name: "v", ...hostPath(`${hostFolder}/outer`, "Directory") }];
  const reader = (name: string, mountPropagation: string) => ({
    ...{ name, image: "busybox:latest", imagePullPolicy: "IfNotPresent", command: ["sh", "-c", sleeper] },
    volumeMounts: [{ name: "v", mountPath: "/v", mountPropagation }],
  });
  await ns.apply(
    pod("later", {}, { ...onFirst, volumes, containers: [reader("sees", "HostToContainer"), reader("blind", "None")] }),
  );
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/later", "--timeout=60s"]);
  const inner = `${hostFolder}/outer/inner`;
  await session.on(first, ["mount", "-t", "tmpfs", "tmpfs", inner]);
  await session.on(first, ["touch", `${inner}/new`]);
  const list = (container: string) => ns.kubectl(["exec", "later", "-c", container, "--", "ls", "/v/inner"]);
  t.equal(await list("sees"), "new\n");
  t.equal(await list("blind"), "");
  const strict = { name: "v", mountPath: "/v", readOnly: true, recursiveReadOnly: "Enabled" };
  await ns.apply(pod("strict", { volumeMounts: [strict] }, { ...onFirst, volumes }));
  await waits("strict", /recursiveReadOnly is not supported by this engine/, "CreateContainerError");
  await ns.kubectl(["delete", "pod", "later", "strict"]);
});
