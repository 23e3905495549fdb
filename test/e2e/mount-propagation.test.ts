/** What a container mounts, and who else sees it. https://kubernetes.io/docs/concepts/storage/volumes/#mount-propagation */
import t from "tap";
import type { Volume } from "#api/generated/types.js";
import { openLab, pod, until } from "./lab-session.js";

const session = await openLab(t);
const ns = await session.namespace(t, "mount-propagation");
const [node] = session.lab.workers;
if (!node) throw new Error("the lab has no node");
const folder = "/run/mount-propagation";
const on = (...command: string[]) => session.on(node, command);
await on("mkdir", "-p", `${folder}/tidy`, `${folder}/careless`, `${folder}/precious/inner`);
await on("touch", `${folder}/precious/file`);
const volume = (part: string): Volume => ({ name: "v", hostPath: { path: `${folder}/${part}`, type: "Directory" } });
t.teardown(() => on("rm", "-r", folder));

/** Mount points of the node below the path. */
const mountedBelow = async (path: string) =>
  (await on("cat", "/proc/self/mountinfo"))
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .filter((point) => point.startsWith(`${path}/`));

const WAIT = "sleep 3600 & wait";
const container = (name: string, mountPropagation: string, script: string, privileged = false) => ({
  ...{ name, image: "busybox:latest", imagePullPolicy: "IfNotPresent", command: ["sh", "-c", script] },
  securityContext: { privileged },
  volumeMounts: [{ name: "v", mountPath: "/v", mountPropagation }],
});
/** Mounts, says so by a file in the new file system, and waits for its end. */
const maker = (mounting: string, atEnd: string) =>
  container("maker", "Bidirectional", `trap '${atEnd}; exit 0' TERM; mkdir -p /v/in && ${mounting}; ${WAIT}`, true);
const watcher = (name: string, propagation: string) => container(name, propagation, `trap 'exit 0' TERM; ${WAIT}`);

const list = async (name: string, of: string) =>
  (await ns.tryKubectl(["exec", name, "-c", of, "--", "ls", "/v/in"])).stdout;

t.test("Bidirectional: the node sees it, and who asked for what the node has; None sees nothing", async (t) => {
  const containers = [watcher("sees", "HostToContainer"), watcher("blind", "None")];
  const tmpfs = "mount -t tmpfs tmpfs /v/in && touch /v/in/there";
  const spec = { nodeName: node.name, volumes: [volume("tidy")], terminationGracePeriodSeconds: 30 };
  await on("mkdir", `${folder}/tidy/in`);
  await ns.apply(pod("others", {}, { ...spec, containers }));
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/others", "--timeout=60s"]);
  await ns.apply(pod("tidy", {}, { ...spec, containers: [maker(tmpfs, "umount /v/in"), ...containers] }));
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/tidy", "--timeout=60s"]);

  await until("it is mounted", async () => (await list("tidy", "maker")) === "there\n");
  t.same(await mountedBelow(`${folder}/tidy`), [`${folder}/tidy/in`], "on the node");
  t.equal(await on("ls", `${folder}/tidy/in`), "there\n");
  t.equal(await list("others", "sees"), "there\n", "in a container of another Pod");
  t.equal(await list("others", "blind"), "");

  await ns.kubectl(["delete", "pod", "tidy", "--timeout=60s"]);
  t.same(await mountedBelow(`${folder}/tidy`), [], "the container has unmounted it at its end");
  t.equal(await list("others", "sees"), "", "everywhere");
  await ns.kubectl(["delete", "pod", "others"]);
});

t.test("what a container leaves mounted in a folder of the node stays, as Kubernetes has it", async (t) => {
  const tmpfs = "mount -t tmpfs tmpfs /v/in";
  const spec = { nodeName: node.name, volumes: [volume("careless")] };
  await ns.apply(pod("careless", {}, { ...spec, containers: [maker(tmpfs, "true")] }));
  await until("it is mounted", async () => (await mountedBelow(`${folder}/careless`)).length > 0);
  await ns.kubectl(["delete", "pod", "careless", "--timeout=60s"]);
  t.same(await mountedBelow(`${folder}/careless`), [`${folder}/careless/in`]);
  await on("umount", `${folder}/careless/in`);
});

t.test("what it leaves in the Pod's own volume goes with the Pod, and the node loses nothing by it", async (t) => {
  const precious = `${folder}/precious`;
  await on("mount", "-t", "tmpfs", "tmpfs", `${precious}/inner`);
  await on("touch", `${precious}/inner/file`);
  const volumes = [
    { name: "v", emptyDir: {} },
    { name: "node", hostPath: { path: precious } },
  ];
  const mounting = "mkdir /v/ram && mount -t tmpfs tmpfs /v/ram && touch /v/ram/x && mount --rbind /node /v/in";
  const made = maker(mounting, "true");
  made.volumeMounts.push({ name: "node", mountPath: "/node", mountPropagation: "Bidirectional" });
  const inVolume = async () => (await mountedBelow("")).filter((point) => point.includes("empty-dir/v/"));
  await ns.apply(pod("binder", {}, { nodeName: node.name, volumes, containers: [made] }));
  await until("all three are mounted", async () => (await inVolume()).length === 3);
  await ns.kubectl(["delete", "pod", "binder", "--timeout=60s"]);
  t.same(await inVolume(), []);
  t.same(await mountedBelow(precious), [`${precious}/inner`], "what was mounted on the node still is");
  t.equal(await on("ls", precious), "file\ninner\n");
  t.equal(await on("ls", `${precious}/inner`), "file\n");
  await on("umount", `${precious}/inner`);
});
