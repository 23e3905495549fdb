import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { volumeMounts } from "#agent/pods/container-mounts.js";
import { downwardFile } from "#agent/pods/downward-fields.js";
import { writeAtomically } from "#agent/volumes/atomic-writer.js";
import type { ConfigSource } from "#agent/volumes/config-source.js";
import { volumePlugins } from "#agent/volumes/index.js";
import { handlePath, openInside } from "#agent/volumes/open-inside.js";
import { giveToGroup } from "#agent/volumes/ownership.js";
import type { ServiceAccountTokens } from "#agent/volumes/service-account-tokens.js";
import { VolumeManager } from "#agent/volumes/volume-manager.js";
import type { ConfigMap, DownwardAPIVolumeFile, ImageVolumeSource, Pod, Secret, Volume } from "#api/generated/types.js";
import { containerOf, podOf } from "#test/fixtures/pod-objects.js";
import { temporaryDirectory } from "#test/temporary-directory.js";

const isRoot = process.getuid?.() === 0;

const files = (content: Record<string, string>, mode = 0o644) =>
  new Map(Object.entries(content).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));

t.test("every plugin in the folder is registered", async (t) => {
  const folder = readdirSync("agent/volumes/plugins").map((name) => name.replace(/\.ts$/, "").replaceAll("-", ""));
  t.same(volumePlugins.map(({ name }) => name.toLowerCase()).sort(), folder.sort());
});

t.test("the atomic writer swaps all files by one link", async (t) => {
  const directory = temporaryDirectory("berth-volume-");
  t.equal(await writeAtomically(directory, files({ a: "1", "deep/b": "2" })), true);
  t.equal(readFileSync(join(directory, "a"), "utf8"), "1");
  t.equal(readFileSync(join(directory, "deep/b"), "utf8"), "2");
  t.equal(readlinkSync(join(directory, "a")), "..data/a");
  const first = readlinkSync(join(directory, "..data"));
  t.equal(await writeAtomically(directory, files({ a: "1", "deep/b": "2" })), false, "the same again");
  t.equal(readlinkSync(join(directory, "..data")), first);
  t.equal(await writeAtomically(directory, files({ a: "new", c: "3" })), true);
  t.not(readlinkSync(join(directory, "..data")), first);
  t.same(
    readdirSync(directory).filter((name) => !name.startsWith("..")),
    ["a", "c"],
  );
  t.equal(readdirSync(directory).filter((name) => /^\.\.\d/.test(name)).length, 1, "the old files are gone");
  t.equal(await writeAtomically(directory, files({ a: "new", c: "3" }, 0o400)), true, "another mode is a change");
  t.equal(statSync(join(directory, "a")).mode & 0o777, 0o400);
  await t.rejects(writeAtomically(directory, files({ "../x": "" })), /must not contain '..'/);
  symlinkSync("nowhere", join(directory, "..data_tmp"));
  t.equal(await writeAtomically(directory, files({ a: "after a kill" })), true);
  t.equal(readFileSync(join(directory, "a"), "utf8"), "after a kill");
});

t.test("a reader sees all old files or all new ones", async (t) => {
  const directory = temporaryDirectory("berth-volume-");
  const version = (n: number) => files({ a: `${n}`, "deep/b": `${n}` });
  await writeAtomically(directory, version(0));
  let writing = true;
  let reads = 0;
  const writer = (async () => {
    for (let n = 1; n <= 50; n++) await writeAtomically(directory, version(n));
    writing = false;
  })();
  while (writing) {
    const current = join(directory, await readlink(join(directory, "..data")));
    const both = ["a", "deep/b"].map((name) => readFile(join(current, name), "utf8"));
    // What was current a moment ago may be gone as a whole.
    const [a, b] = await Promise.all(both).catch(() => []);
    if (a !== b) t.fail(`${a} beside ${b}`);
    if (a !== undefined) reads++;
  }
  await writer;
  t.ok(reads > 5);
  t.equal(readFileSync(join(directory, "a"), "utf8"), "50");
});

t.test("a directory is given to a group, all of it, and links are not followed", { skip: !isRoot }, async (t) => {
  const root = temporaryDirectory("berth-volume-");
  const directory = join(root, "volume");
  mkdirSync(join(directory, "deep"), { recursive: true });
  for (const file of ["outside", "volume/deep/file"]) writeFileSync(join(root, file), "", { mode: 0o600 });
  symlinkSync("../../outside", join(directory, "deep/link"));
  const shown = (path: string) => {
    const { gid, mode } = lstatSync(join(root, path));
    return `${gid} ${(mode & 0o7777).toString(8)}`;
  };
  chmodSync(directory, 0o755);
  chmodSync(join(directory, "deep"), 0o700);
  await giveToGroup(directory, { group: 1234 });
  t.equal(shown("volume"), "1234 2775");
  t.equal(shown("volume/deep"), "1234 2770");
  t.equal(shown("volume/deep/file"), "1234 660");
  t.equal(shown("outside"), "0 600");
  chmodSync(join(directory, "deep/file"), 0o600);
  await giveToGroup(directory, { group: 1234, policy: "OnRootMismatch" });
  t.equal(shown("volume/deep/file"), "1234 600", "the top says that the rest is right");
  await giveToGroup(directory, { group: 1234, readOnly: true });
  t.equal(shown("volume/deep/file"), "1234 640");
});

function managerIn(root: string, objects: { configMaps?: Record<string, object>; secrets?: Record<string, object> }) {
  const config: Pick<ConfigSource, "configMap" | "secret"> = {
    configMap: async (_namespace, name) => objects.configMaps?.[name] as ConfigMap | undefined,
    secret: async (_namespace, name) => objects.secrets?.[name] as Secret | undefined,
  };
  const ran: string[] = [];
  const run = async (command: string, args: readonly string[]) => {
    ran.push([command, ...args].join(" "));
    return "";
  };
  const options = {
    plugins: volumePlugins,
    config: config as ConfigSource,
    tokens: { tokenFor: async () => "t0ken", forget: () => undefined } as unknown as ServiceAccountTokens,
    podDirectory: (uid: string) => join(root, uid),
    pluginsDirectory: join(root, "plugins"),
    localStorage: join(root, "storage"),
    allocatableMemory: 1 << 30,
    image: async (_pod: Pod, _name: string, { reference }: ImageVolumeSource) => `sha256:${reference}`,
    unpackImage: async (id: string, directory: string) => writeFileSync(join(directory, "id"), id),
    downward: (pod: Pod, file: DownwardAPIVolumeFile) =>
      downwardFile(pod, file, { milliCpu: 2000, memory: 1 << 30, pods: 110 }),
    run,
  };
  return { manager: new VolumeManager(options), ran };
}

t.test("volumes come into being, and go", async (t) => {
  const root = temporaryDirectory("berth-volumes-");
  const { manager, ran } = managerIn(root, {
    configMaps: { settings: { data: { a: "1", b: "2" }, binaryData: { c: "3q0=" } } },
    secrets: { keys: { data: { token: Buffer.from("s3cret").toString("base64") } } },
  });
  const volumes: Volume[] = [
    { name: "cache", emptyDir: {} },
    { name: "ram", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    { name: "config", configMap: { name: "settings", items: [{ key: "a", path: "x/y", mode: 0o400 }] } },
    { name: "all", configMap: { name: "settings" } },
    { name: "secret", secret: { secretName: "keys" } },
    { name: "maybe", secret: { secretName: "nope", optional: true } },
    { name: "me", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
    {
      name: "both",
      projected: {
        sources: [
          { configMap: { name: "settings", items: [{ key: "a", path: "one" }] } },
          { secret: { name: "keys", items: [{ key: "token", path: "deep/token", mode: 0o400 }] } },
          { serviceAccountToken: { path: "sa" } },
        ],
      },
    },
    { name: "host", hostPath: { path: join(root, "made"), type: "DirectoryOrCreate" } },
  ];
  const pod = podOf({ volumes });
  pod.metadata.labels = { b: 'say "hi"\n', a: "1" };
  const paths = await manager.setUp(pod);
  const at = (name: string) => paths.get(name)?.path ?? "";
  t.equal(at("cache"), join(root, "uid-1/volumes/kubernetes.io~empty-dir/cache"));
  t.equal(statSync(at("cache")).mode & 0o777, 0o777);
  t.ok(ran.includes(`mount -t tmpfs -o mode=0777,size=1048576 tmpfs ${at("ram")}`));
  t.equal(readFileSync(join(at("config"), "x/y"), "utf8"), "1");
  t.equal(statSync(join(at("config"), "x/y")).mode & 0o777, 0o400);
  t.same([...readFileSync(join(at("all"), "c"))], [0xde, 0xad]);
  t.equal(readFileSync(join(at("secret"), "token"), "utf8"), "s3cret");
  t.same(
    readdirSync(at("maybe")).filter((name) => !name.startsWith("..")),
    [],
  );
  t.equal(readFileSync(join(at("me"), "labels"), "utf8"), 'a="1"\nb="say \\"hi\\"\\n"');
  t.equal(readFileSync(join(at("both"), "one"), "utf8"), "1");
  t.equal(readFileSync(join(at("both"), "deep/token"), "utf8"), "s3cret");
  t.equal(readFileSync(join(at("both"), "sa"), "utf8"), "t0ken");
  t.same([...paths].flatMap(([name, { follows }]) => (follows ? [name] : [])).sort(), [
    "all",
    "both",
    "config",
    "maybe",
    "me",
    "secret",
  ]);
  t.equal(at("host"), join(root, "made"));
  await manager.tearDown("uid-1");
  t.same(readdirSync(join(root, "uid-1")), []);
  t.ok(statSync(join(root, "made")).isDirectory(), "what belongs to the host stays");
  await manager.tearDown("uid-1");
});

t.test("what cannot be made is named, all of it", async (t) => {
  const root = temporaryDirectory("berth-volumes-");
  const { manager } = managerIn(root, { configMaps: { settings: { data: {} } } });
  writeFileSync(join(root, "file"), "");
  const volumes: Volume[] = [
    { name: "a", configMap: { name: "nope" } },
    { name: "b", secret: { secretName: "nope" } },
    { name: "c", configMap: { name: "settings", items: [{ key: "k", path: "p" }] } },
    { name: "d", hostPath: { path: join(root, "file"), type: "Directory" } },
    { name: "e", nfs: { server: "x", path: "/" } },
  ];
  const error = (await manager.setUp(podOf({ volumes })).catch((e) => e)) as AggregateError;
  t.same(
    error.errors.map((e) => e.message),
    [
      'MountVolume.SetUp failed for volume "a" : configmap "nope" not found',
      'MountVolume.SetUp failed for volume "b" : secret "nope" not found',
      'MountVolume.SetUp failed for volume "c" : configmap references non-existent config key: k',
      `MountVolume.SetUp failed for volume "d" : hostPath type check failed: ${join(root, "file")} is not a directory`,
      'MountVolume.SetUp failed for volume "e" : volume type nfs is not supported on this node',
    ],
  );
});

t.test("a subPath stays in its volume", async (t) => {
  const volume = temporaryDirectory("berth-volume-");
  for (const name of ["in", "in/deep"]) mkdirSync(join(volume, name));
  writeFileSync(join(volume, "in/file"), "");
  symlinkSync("/etc", join(volume, "out"));
  symlinkSync("in", join(volume, "link"));
  symlinkSync("nowhere", join(volume, "dangling"));
  const found = async (path: string) => {
    const handle = await openInside(volume, path);
    return readlink(handlePath(handle)).finally(() => handle.close());
  };
  t.equal(await found("in/file"), join(volume, "in/file"));
  t.equal(await found("link/deep"), join(volume, "in/deep"), "a link inside is followed");
  chmodSync(volume, 0o2775);
  t.equal(await found("link/new/dir"), join(volume, "in/new/dir"));
  t.equal(statSync(join(volume, "in/new/dir")).mode & 0o7777, 0o2775, "as the volume itself");
  await t.rejects(found("out"), /leads out of the volume/);
  await t.rejects(found("out/made"), /leads out of the volume/);
  await t.rejects(found("dangling"), /EEXIST/);
  await t.rejects(found("in/file/below"), /ENOTDIR/);
});

t.test("the variables of a subPathExpr have to be known, and lead downwards", async (t) => {
  const mount = (subPathExpr: string) =>
    volumeMounts(
      containerOf("main", { volumeMounts: [{ name: "v", mountPath: "v", subPathExpr, readOnly: true }] }),
      new Map([["v", { path: "/volume" }]]),
      new Map(Object.entries({ NAME: "web", UP: "..", ROOT: "/tmp" })),
      async ({ subPath, index }) => `/made/${subPath}/${index}`,
    );
  t.match(await mount("$(NAME)/a"), [{ hostPath: "/made/web/a/0", containerPath: "/v", readOnly: true }]);
  await t.rejects(mount("$(NONE)"), /no variable "NONE"/);
  await t.rejects(mount("$(UP)"), /relative path without/);
  await t.rejects(mount("$(ROOT)"), /relative path without/);
});

t.test("an image is unpacked once, and goes with its last user", async (t) => {
  const root = temporaryDirectory("berth-volumes-");
  const { manager } = managerIn(root, {});
  const user = (uid: string) => {
    const pod = podOf({ volumes: [{ name: "data", image: { reference: "abc" } }] });
    pod.metadata.uid = uid;
    return pod;
  };
  const images = join(root, "plugins/kubernetes.io~image");
  const [a, b] = await Promise.all(["uid-1", "uid-2"].map((uid) => manager.setUp(user(uid))));
  const path = join(images, "sha256-abc/files");
  t.same(a?.get("data"), { path, readOnly: true });
  t.same(b?.get("data"), a?.get("data"));
  t.equal(readFileSync(join(path, "id"), "utf8"), "sha256:abc");
  await manager.tearDown("uid-1");
  t.same(readdirSync(path), ["id"]);
  await manager.setUp(user("uid-2"));
  await manager.tearDown("uid-2");
  t.same(readdirSync(images), []);
  await manager.tearDown("uid-2");
});
